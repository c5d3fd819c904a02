import MeshCore

/// The settings of meshd, each declared once: the flag, the `MESHD_*` variable and the key of the configuration file
/// all come from its name.
struct Settings {
    /// One setting.
    struct Setting: Sendable {
        /// As in the configuration file, for example `readyFile`.
        var key: String
        /// The placeholder of the value in the help.
        var placeholder: String
        var help: String
        /// Sets the value. Fails with a text that states what is valid.
        var apply: @Sendable (String, inout Settings) throws(MeshError) -> Void

        /// As a flag, for example `--ready-file`.
        var flag: String { "--" + words.joined(separator: "-") }
        /// As an environment variable, for example `MESHD_READY_FILE`.
        var variable: String { "MESHD_" + words.joined(separator: "_").uppercased() }

        private var words: [String] {
            key.reduce(into: [""]) { words, letter in
                if letter.isUppercase {
                    words.append(letter.lowercased())
                } else {
                    words[words.count - 1].append(letter)
                }
            }
        }
    }

    var data = ""
    var host = "127.0.0.1"
    var port = 7900
    var readyFile: String?
    var logLevel = "info"
    var ioThreads: Int?
    var maximumConnections = 20_000
    var allowedHosts: [String] = []
    var allowedOrigins: [String] = []
    var pingSeconds = 30
    var silenceSeconds = 75
    var sendsPerSecond = 100
    var sendBurst = 200
    var recordCommands: String?
    var insecurePlaintext = false
    var tlsCertificate: String?
    var tlsKey: String?
    /// The given texts by key, the one that takes precedence.
    private(set) var given: [String: String] = [:]

    static let all: [Setting] = [
        Setting(key: "data", placeholder: "DIR", help: "Folder of meshes and keys (default ~/.local/share/meshd).") {
            (value, settings) throws(MeshError) in settings.data = value
        },
        Setting(
            key: "listen", placeholder: "HOST:PORT",
            help: "Address to listen on; port 0 takes a free one (default 127.0.0.1:7900)."
        ) {
            (value, settings) throws(MeshError) in try settings.listen(on: value)
        },
        Setting(
            key: "readyFile", placeholder: "PATH",
            help: "Written when serving: JSON with http, ws, pid, adminTokenFile."
        ) {
            (value, settings) throws(MeshError) in settings.readyFile = value
        },
        Setting(
            key: "logLevel", placeholder: "LEVEL",
            help: "trace, debug, info, notice, warning, error or critical (default info)."
        ) {
            (value, settings) throws(MeshError) in
            let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
            guard levels.contains(value) else {
                throw .argument("logLevel", "one of \(levels.joined(separator: ", ")), not \(value)")
            }
            settings.logLevel = value
        },
        Setting(key: "ioThreads", placeholder: "N", help: "Event loops for connections (default: half of the cores).") {
            (value, settings) throws(MeshError) in settings.ioThreads = try number("ioThreads", value, 1...256)
        },
        Setting(key: "maximumConnections", placeholder: "N", help: "Connections in all (default 20000).") {
            (value, settings) throws(MeshError) in
            settings.maximumConnections = try number("maximumConnections", value, 1...1_000_000)
        },
        Setting(
            key: "allowedHosts", placeholder: "NAMES",
            help: "Further Host names that requests may carry, separated by commas."
        ) {
            (value, settings) throws(MeshError) in settings.allowedHosts = list(value)
        },
        Setting(
            key: "allowedOrigins", placeholder: "ORIGINS",
            help: "Origins of web pages that may connect, separated by commas."
        ) {
            (value, settings) throws(MeshError) in settings.allowedOrigins = list(value)
        },
        Setting(key: "pingSeconds", placeholder: "N", help: "Seconds between two pings (default 30).") {
            (value, settings) throws(MeshError) in settings.pingSeconds = try number("pingSeconds", value, 1...3_600)
        },
        Setting(
            key: "silenceSeconds", placeholder: "N", help: "Seconds of silence before a connection is cut (default 75)."
        ) {
            (value, settings) throws(MeshError) in
            settings.silenceSeconds = try number("silenceSeconds", value, 2...7_200)
        },
        Setting(
            key: "sendsPerSecond", placeholder: "N",
            help: "Sends a second of a connection from another machine (default 100; 0: no limit)."
        ) {
            (value, settings) throws(MeshError) in
            settings.sendsPerSecond = try number("sendsPerSecond", value, 0...1_000_000)
        },
        Setting(key: "sendBurst", placeholder: "N", help: "Sends at once of such a connection (default 200).") {
            (value, settings) throws(MeshError) in settings.sendBurst = try number("sendBurst", value, 1...1_000_000)
        },
        Setting(
            key: "recordCommands", placeholder: "DIR",
            help: "Writes a replayable log of all commands there; it holds sealed bodies and grows."
        ) {
            (value, settings) throws(MeshError) in settings.recordCommands = value
        },
        Setting(
            key: "tlsCertificate", placeholder: "PATH",
            help: "PEM file with the certificate chain: serves https and wss. Read again when it changes."
        ) {
            (value, settings) throws(MeshError) in settings.tlsCertificate = value
        },
        Setting(key: "tlsKey", placeholder: "PATH", help: "PEM file with the certificate's private key.") {
            (value, settings) throws(MeshError) in settings.tlsKey = value
        },
        Setting(
            key: "insecurePlaintext", placeholder: "", help: "Serve other interfaces than this machine's without TLS."
        ) {
            (value, settings) throws(MeshError) in settings.insecurePlaintext = try flag("insecurePlaintext", value)
        },
    ]

    /// The settings of a start: the configuration file, then the environment, then the flags; the later one takes
    /// precedence. An empty variable counts as not set. Fails with `invalid_argument` for unknown settings, naming the
    /// nearest, and for invalid values, naming where they were given.
    static func read(
        arguments: [String], environment: [String: String], file: (String) throws(MeshError) -> [UInt8]
    ) throws(MeshError) -> Settings {
        var settings = Settings()
        let flags = try parse(arguments)
        let variables = environment.filter { $0.key.hasPrefix("MESHD_") && !$0.value.isEmpty }
        let path = flags.last { $0.key == "config" }?.value ?? variables["MESHD_CONFIG"]
        if let path { try settings.take(file: try file(path), path: path) }
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) where name != "MESHD_CONFIG" {
            guard let setting = all.first(where: { $0.variable == name }) else {
                throw unknown(name, among: all.map(\.variable))
            }
            try settings.take(setting, value, from: name)
        }
        for (key, value) in flags where key != "config" {
            guard let setting = all.first(where: { $0.key == key }) else { continue }
            try settings.take(setting, value, from: setting.flag)
        }
        if settings.data.isEmpty {
            guard let home = HomeFolder.find(environment: environment) else {
                throw MeshError(
                    .invalidArgument, "no home folder is known for this user",
                    hint: "name the broker's folder with --data")
            }
            settings.data = home + "/.local/share/meshd"
        }
        let paths = [
            "data": settings.data, "readyFile": settings.readyFile, "recordCommands": settings.recordCommands,
            "tlsCertificate": settings.tlsCertificate, "tlsKey": settings.tlsKey,
        ]
        if let name = paths.keys.sorted().first(where: { paths[$0] == "-" }) {
            throw .argument(name, "`-` is no file or folder here; ./- is one called so")
        }
        guard settings.silenceSeconds > settings.pingSeconds else {
            throw .argument("silenceSeconds", "must be more than pingSeconds (\(settings.pingSeconds))")
        }
        return settings
    }

    /// The help text.
    static var usage: String {
        var text = """
            meshd: the Mesh broker

            Usage: meshd [--config FILE] [settings]
                   meshd check [--data DIR]

            check reads every mesh of a folder that no broker uses, and says what is damaged; it ends with 1 then. SIGHUP makes a
            running broker read its configuration and certificate again.

            Every setting is a flag, a variable, and a key of the configuration file (JSON).


            """
        for setting in all {
            let left = "  \(setting.flag) \(setting.placeholder)"
            text += left + String(repeating: " ", count: max(1, 34 - left.count)) + setting.help + "\n"
            text += String(repeating: " ", count: 34) + "\(setting.variable), \"\(setting.key)\"\n"
        }
        return text + """
              --config FILE                   JSON object with the keys above (MESHD_CONFIG)
              --version                       Print the version
              --help                          Print this

            Example: meshd --data ./mesh-data --listen 127.0.0.1:0 --ready-file ready.json

            """
    }

    // MARK: Parts

    private static func parse(_ arguments: [String]) throws(MeshError) -> [(key: String, value: String)] {
        var result: [(key: String, value: String)] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let setting = all.first { $0.flag == parts[0] }
            guard setting != nil || parts[0] == "--config" else {
                throw unknown(parts[0], among: all.map(\.flag) + ["--config", "--help", "--version"])
            }
            let key = setting?.key ?? "config"
            if parts.count == 2 {
                result.append((key, parts[1]))
            } else if setting?.placeholder == "" {
                result.append((key, "true"))
            } else if let value = rest.popFirst() {
                result.append((key, value))
            } else {
                throw .argument(parts[0], "needs a value")
            }
            if result.last?.value.isEmpty == true { throw .argument(parts[0], "needs a value; it is empty") }
        }
        return result
    }

    /// Sets a value. Fails with an error that names where it was given.
    private mutating func take(_ setting: Setting, _ value: String, from source: String) throws(MeshError) {
        do throws(MeshError) { try setting.apply(value, &self) } catch {
            var error = error
            let start = setting.key + ": "
            if error.message.hasPrefix(start) { error.message = "\(source): \(error.message.dropFirst(start.count))" }
            throw error
        }
        given[setting.key] = value
    }

    /// The keys whose values differ, sorted.
    func changes(from other: Settings) -> [String] {
        Self.all.map(\.key).filter { given[$0] != other.given[$0] }.sorted()
    }

    private mutating func take(file bytes: [UInt8], path: String) throws(MeshError) {
        let json: JSON
        do throws(JSONError) { json = try JSON.parse(bytes, limits: .frame) } catch {
            throw MeshError(.invalidArgument, "\(path): \(error)", hint: "write one JSON object")
        }
        guard let object = json.objectValue else {
            throw MeshError(.invalidArgument, "\(path): expected an object, found \(json.typeName)")
        }
        for (key, value) in object {
            guard let setting = Self.all.first(where: { $0.key == key }) else {
                throw Self.unknown(key, among: Self.all.map(\.key), in: path)
            }
            let source = "\(path): \(key)"
            switch value {
            case .string(""): throw .argument(source, "needs a value; it is empty")
            case .string(let text): try take(setting, text, from: source)
            case .integer(let number): try take(setting, String(number), from: source)
            case .bool(let flag): try take(setting, flag ? "true" : "false", from: source)
            case .array(let elements):
                try take(setting, elements.compactMap(\.stringValue).joined(separator: ","), from: source)
            case .null, .double, .object:
                throw .argument(key, "a string, integer, boolean or list, not \(value.typeName)")
            }
        }
    }

    private mutating func listen(on value: String) throws(MeshError) {
        guard let colon = value.lastIndex(of: ":"), let port = Int(value[value.index(after: colon)...]),
            (0...65_535).contains(port), colon > value.startIndex
        else { throw .argument("listen", "HOST:PORT with a port of 0 to 65535, not \(value)") }
        host = String(value[..<colon]).trimmingBrackets
        self.port = port
    }

    private static func unknown(_ name: String, among known: [String], in place: String? = nil) -> MeshError {
        let near = Nearest.names(to: name, among: known, limit: 2)
        return MeshError(
            .invalidArgument, (place.map { "\($0): " } ?? "") + "no setting is called \(name)",
            hint: near.isEmpty ? "see meshd --help" : "did you mean \(near.joined(separator: " or "))?")
    }

    private static func number(_ key: String, _ value: String, _ range: ClosedRange<Int>) throws(MeshError) -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw .argument(key, "a whole number from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
        return number
    }

    private static func flag(_ key: String, _ value: String) throws(MeshError) -> Bool {
        switch value {
        case "true": return true
        case "false": return false
        default: throw .argument(key, "true or false, not \(value)")
        }
    }

    private static func list(_ value: String) -> [String] {
        value.split(separator: ",").map { $0.filter { $0 != " " } }
    }
}

extension String {
    /// `[::1]` as `::1`.
    fileprivate var trimmingBrackets: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
