import MeshCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes what a command found: a JSON object a line, or text for people.
struct Printer: Sendable {
    /// Whether programs read the output.
    var isJSON: Bool
    /// Whether people asked for silence.
    var isQuiet: Bool
    /// How text is coloured.
    var colour: Colour
    /// The width of the terminal; nil when the output goes elsewhere and stays whole.
    var columns: Int?

    /// Makes a printer as the options, the environment and the terminal say.
    init(_ options: GlobalOptions) {
        isJSON = options.json
        isQuiet = options.quiet
        colour = Colour(stream: 1)
        columns = Terminal.columns()
    }

    /// The bytes of an output object: the version of its form first, then its members.
    static func line(_ fields: JSONObject) -> [UInt8] {
        var object: JSONObject = ["schema_version": "2.0"]
        for (key, value) in fields where key != "schema_version" { object[key] = value }
        return JSON.object(object).bytes() + [UInt8(ascii: "\n")]
    }

    /// Prints an object when programs read the output, else the text; `isAsked` marks text that was asked for and is
    /// printed to people who want no more than that.
    func result(_ fields: @autoclosure () throws -> JSONObject, isAsked: Bool = false, text: () -> String) rethrows {
        if isJSON { put(Self.line(try fields())) } else { say(text(), isAsked: isAsked) }
    }

    /// Prints an answer of the broker, with more members behind it.
    func answer(
        _ answer: some Reply, adding more: JSONObject = JSONObject(), isAsked: Bool = false, text: () -> String
    ) throws {
        guard isJSON else { return say(text(), isAsked: isAsked) }
        var fields = try JSONCoder.encode(answer).objectValue ?? JSONObject()
        for (key, value) in more { fields[key] = value }
        put(Self.line(fields))
    }

    /// Prints text for people; nothing when they asked for silence and not for the text.
    func say(_ text: String, isAsked: Bool = false) {
        guard !isJSON, isAsked || !isQuiet, !text.isEmpty else { return }
        raw(text.utf8.last == 0x0A ? text : text + "\n")
    }

    /// Prints text that is the result itself, whatever the options say. What a broker or another member put into it does not
    /// steer the terminal.
    func raw(_ text: String) { put(Array(SafeText.block(text, keepsStyle: colour.isOn).utf8)) }

    /// A text of others that is the result: as it is, but on a terminal it cannot steer it.
    func shown(_ text: String) -> String { columns == nil ? text : Table.printable(text, keepingLines: true) }

    /// Writes bytes at once. A reader that went away ends the program, before anything is acknowledged.
    func put(_ bytes: [UInt8]) {
        if SystemCalls.write(bytes, to: 1) != nil { exit(ExitStatus.io.rawValue) }
    }

    /// Says on standard error what happens beside the result.
    func note(_ text: String) {
        guard !isQuiet else { return }
        let text = SafeText.block(text, keepsStyle: false)
        SystemCalls.write(Array((Colour(stream: 2)(text, .dim) + "\n").utf8), to: 2)
    }

    /// Says something on standard error, beside the result.
    func warn(_ text: String) {
        if !isQuiet { SystemCalls.write(Array((SafeText.block(text, keepsStyle: false) + "\n").utf8), to: 2) }
    }
}

extension JSONObject {
    /// The members of something that encodes to an object.
    init(of value: some Encodable) throws(JSONError) {
        self = try JSONCoder.encode(value).objectValue ?? JSONObject()
    }
}
