/// Whether text for people is coloured, and how.
///
/// The usual rules: `NO_COLOR` (set and not empty) and `TERM=dumb` switch colour off, `CLICOLOR_FORCE` (not `0`) switches
/// it on wherever the text goes, `CLICOLOR=0` off; without them a terminal is coloured and everything else is not.
struct Colour: Sendable, Hashable {
    /// The ways to stress a text.
    enum Tone: String, Sendable {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
        case error = "1;31"
    }

    /// Whether anything is coloured.
    let isOn: Bool

    /// For a stream of this program: 1 is standard output, 2 standard error.
    init(stream descriptor: Int32) {
        isOn = Self.isOn(isTerminal: SystemCalls.isTerminal(descriptor), variable: SystemCalls.environment)
    }

    /// As decided elsewhere.
    init(isOn: Bool) { self.isOn = isOn }

    /// The rules. `variable` gives nil for a variable that is absent or empty.
    static func isOn(isTerminal: Bool, variable: (String) -> String?) -> Bool {
        if variable("NO_COLOR") != nil { return false }
        if let forced = variable("CLICOLOR_FORCE"), forced != "0" { return true }
        return isTerminal && variable("TERM") != "dumb" && variable("CLICOLOR") != "0"
    }

    /// The text in a tone; as it is when colour is off.
    func callAsFunction(_ text: String, _ tone: Tone?) -> String {
        guard isOn, let tone, !text.isEmpty else { return text }
        return "\u{1B}[\(tone.rawValue)m\(text)\u{1B}[0m"
    }

    /// How a word for a state is shown: what works, what waits, what needs somebody.
    static func tone(ofState word: String) -> Tone? {
        switch word {
        case "ok", "delivered", "read", "answered", "connected", "idle", "open": .green
        case "held", "offered", "warning", "working", "dnd", "grace": .yellow
        case "broken", "expired", "rejected", "revoked": .red
        case "away", "used", "used up": .dim
        default: nil
        }
    }
}
