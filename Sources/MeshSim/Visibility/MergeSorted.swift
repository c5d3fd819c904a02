/// Goes through two arrays, each sorted by the bytes of its names, as one: gives what has the same name together.
func mergeSorted<One, Other>(
    _ one: [One], by nameOfOne: (One) -> String, _ other: [Other], by nameOfOther: (Other) -> String,
    _ body: (One?, Other?) -> Void
) {
    var (left, right) = (0, 0)
    while left < one.count, right < other.count {
        let (name, otherName) = (nameOfOne(one[left]), nameOfOther(other[right]))
        let (isFirst, isSecond) = (name.precedesInBytes(otherName), otherName.precedesInBytes(name))
        body(isSecond ? nil : one[left], isFirst ? nil : other[right])
        if !isSecond { left += 1 }
        if !isFirst { right += 1 }
    }
    for rest in one[left...] { body(rest, nil) }
    for rest in other[right...] { body(nil, rest) }
}
