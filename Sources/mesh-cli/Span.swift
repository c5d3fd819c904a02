import ArgumentParser

/// A length of time as it is written on a command line: `500ms`, `10s`, `5m`, `24h`, `7d`.
struct Span: Sendable, Hashable {
    /// Its milliseconds.
    var milliseconds: Int64

    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// Reads a whole number and a unit. Fails with what is valid.
    static func parse(_ text: String) throws -> Span {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = units.first { $0.suffix == text[digits.endIndex...] }
        guard let number = Int64(digits), let unit else {
            throw ValidationError("write a whole number and a unit: 500ms, 10s, 5m, 24h or 7d")
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow else { throw ValidationError("that is too long; 30d is the longest that is of use") }
        return Span(milliseconds: product)
    }

    /// As it is written on a command line, in the largest unit that divides it.
    var text: String {
        let unit = Self.units.last { milliseconds >= $0.milliseconds && milliseconds % $0.milliseconds == 0 }
        return unit.map { "\(milliseconds / $0.milliseconds)\($0.suffix)" } ?? "\(milliseconds)ms"
    }

    /// How long ago something was, or how far ahead, in one unit: `just now`, `5m ago`, `in 2h`.
    static func relative(_ time: Int64, now: Int64) -> String {
        // A broker may name any time.
        let (difference, overflow) = now.subtractingReportingOverflow(time)
        let distance = overflow ? (time < 0 ? Int64.max : -Int64.max) : difference
        // What lies ahead is rounded, so that `10s` is not told as `in 9s` a moment later.
        let (size, isPast) = (distance >= 0 ? distance.magnitude : distance.magnitude + 500, distance >= 0)
        guard size >= 1_000 else { return "just now" }
        let unit = units.last { size >= UInt64($0.milliseconds) } ?? units[1]
        let text = "\(size / UInt64(unit.milliseconds))\(unit.suffix)"
        return isPast ? "\(text) ago" : "in \(text)"
    }

    /// Unix milliseconds of an ISO 8601 time in UTC as the broker writes it; nil when it is not one.
    static func milliseconds(iso8601 text: String) -> Int64? {
        let parts = text.split { !($0.isASCII && $0.isNumber) }.compactMap { Int64($0) }
        guard parts.count >= 6, text.hasSuffix("Z"), parts.allSatisfy({ $0 < 1_000_000 }) else { return nil }
        let (year, month) = (parts[1] <= 2 ? parts[0] - 1 : parts[0], parts[1])
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + parts[2] - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let seconds = ((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]
        return seconds * 1_000 + (parts.count > 6 ? parts[6] : 0)
    }

    /// How long ago an ISO 8601 time was; the text itself when it is not one.
    static func relative(iso8601 text: String, now: Int64) -> String {
        milliseconds(iso8601: text).map { relative($0, now: now) } ?? text
    }
}
