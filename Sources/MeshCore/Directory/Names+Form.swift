@_spi(_Unicode) import Swift

extension Names {
    /// The longest name, in Unicode code points; 64 of them have at most 256 bytes.
    public static let maximumLength = 64

    /// A name in the form in which it is stored and compared: Unicode's NFC, in which both encodings of é are one.
    ///
    /// Code that takes a name from outside normalises it once; after that, names are equal when their code
    /// points are. The standard library has the form, but does not offer it publicly yet: this is its only use.
    public static func normalised(_ name: String) -> String {
        if name.utf8.allSatisfy({ $0 < 0x80 }) { return name }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: name._nfc)
        return String(scalars)
    }

    /// Whether two texts are the same name.
    public static func isSame(_ left: String, _ right: String) -> Bool {
        left.isSame(as: right) || normalised(left).isSame(as: normalised(right))
    }

    /// Counted in code points, as in other languages: a letter with 200 accents is not a short name.
    static func checkLength(_ name: String, _ field: String) throws(MeshError) {
        let count = name.unicodeScalars.count
        guard (1...maximumLength).contains(count) else {
            throw .argument(
                field,
                "must have 1 to \(maximumLength) characters, has \(count)"
                    + (count > name.count ? " (letters and marks that combine with them count each)" : ""))
        }
    }
}

/// The characters allowed in one part of the name of a topic or a group.
enum NamePart {
    /// The first character that is not allowed at its position; nil when all are.
    static func firstWrong(in part: String.UnicodeScalarView) -> Unicode.Scalar? {
        var before: Unicode.Scalar?
        for (place, scalar) in zip(part.indices, part) {
            guard isAllowed(scalar, after: before, before: part[part.index(after: place)...].first) else {
                return scalar
            }
            before = scalar
        }
        return nil
    }

    private static func isAllowed(
        _ scalar: Unicode.Scalar, after before: Unicode.Scalar?, before next: Unicode.Scalar?
    ) -> Bool {
        if scalar.isASCII { return isLetterOrDigit(scalar) || "_-.".unicodeScalars.contains(scalar) }
        // Words in most scripts of South Asia, and decomposed accents, are letters and marks that combine with them.
        if isMark(scalar) {
            // At the beginning only vowel signs that are also letters may be alone.
            return before.map { isMark($0) || isJoiner($0) || isLetterOrDigit($0) } ?? scalar.properties.isAlphabetic
        }
        if isJoiner(scalar) { return joins(scalar, before, next) }
        return isLetterOrDigit(scalar)
    }

    private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        // Without invisible ones such as variation selectors: two names must not look the same.
        case .nonspacingMark, .spacingMark: !scalar.properties.isDefaultIgnorableCodePoint
        default: false
        }
    }

    private static func isJoiner(_ scalar: Unicode.Scalar) -> Bool { scalar == "\u{200C}" || scalar == "\u{200D}" }

    /// Joiners are invisible: they are allowed only where they change how a word is written, which is after a virama,
    /// and within Persian words (UAX 31, rules A1, A2 and B).
    private static func joins(_ joiner: Unicode.Scalar, _ before: Unicode.Scalar?, _ next: Unicode.Scalar?) -> Bool {
        guard let before, let next, next.properties.isAlphabetic || isMark(next) else { return false }
        if before.properties.canonicalCombiningClass == .virama { return true }
        let arabic: ClosedRange<UInt32> = 0x0620...0x06FF
        return joiner == "\u{200C}" && arabic.contains(before.value) && arabic.contains(next.value)
    }

    /// A character as shown in an error.
    static func shown(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let code = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return scalar.value > 0x20 && scalar.value < 0x7F ? "\(scalar) (\(code))" : code
    }
}
