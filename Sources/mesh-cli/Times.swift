import ArgumentParser

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Moments as people read them: in the time zone of this machine (`TZ`). Programs get Unix milliseconds or ISO 8601.
enum Times {
    /// The system reads `TZ` once.
    private static let zoneIsRead: Void = tzset()

    /// The time of day for today, `14:03:22`; else the date, too: `2026-11-29 14:03`.
    static func local(_ milliseconds: Int64, now: Int64) -> String {
        guard let moment = fields(milliseconds), let today = fields(now) else { return "-" }
        if moment.tm_yday == today.tm_yday, moment.tm_year == today.tm_year { return clock(moment, seconds: true) }
        return "\(date(moment)) \(clock(moment, seconds: false))"
    }

    /// As `local`, of an ISO 8601 time of the broker; the text itself when it is none.
    static func local(iso8601 text: String, now: Int64) -> String {
        Span.milliseconds(iso8601: text).map { local($0, now: now) } ?? Table.printable(text)
    }

    private static func fields(_ milliseconds: Int64) -> tm? {
        _ = zoneIsRead
        var seconds = time_t(milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000)
        var fields = tm()
        return localtime_r(&seconds, &fields) == nil ? nil : fields
    }

    private static func date(_ fields: tm) -> String {
        "\(Int(fields.tm_year) + 1_900)-\(padded(fields.tm_mon + 1))-\(padded(fields.tm_mday))"
    }

    private static func clock(_ fields: tm, seconds: Bool) -> String {
        "\(padded(fields.tm_hour)):\(padded(fields.tm_min))" + (seconds ? ":\(padded(fields.tm_sec))" : "")
    }

    private static func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Unix milliseconds of a day and time in this machine's zone; nil when there is no such day or time.
    static func milliseconds(_ date: (year: Int32, month: Int32, day: Int32), _ time: [Int32]) -> Int64? {
        _ = zoneIsRead
        let time = time + [0, 0, 0]
        guard (1_970...9_999).contains(date.year), (1...12).contains(date.month), (1...31).contains(date.day),
            (0...23).contains(time[0]), (0...59).contains(time[1]), (0...59).contains(time[2])
        else { return nil }
        var fields = tm()
        fields.tm_year = date.year - 1_900
        fields.tm_mon = date.month - 1
        fields.tm_mday = date.day
        (fields.tm_hour, fields.tm_min, fields.tm_sec, fields.tm_isdst) = (time[0], time[1], time[2], -1)
        let seconds = mktime(&fields)
        // The 31st of a shorter month becomes a day of the next one.
        guard seconds >= 0, fields.tm_mday == date.day else { return nil }
        return Int64(seconds) * 1_000
    }

    /// The day of a moment in this machine's zone.
    static func day(_ milliseconds: Int64) -> (year: Int32, month: Int32, day: Int32)? {
        fields(milliseconds).map { ($0.tm_year + 1_900, $0.tm_mon + 1, $0.tm_mday) }
    }
}

/// A moment as `--since` takes it: a length of time before now (`10m`), a time of today (`14:30`), or a day, with a time or
/// without (`2026-11-29`, `2026-11-29 14:30`).
struct Moment: Sendable, Hashable {
    /// Unix milliseconds.
    var milliseconds: Int64

    /// Reads a moment. Fails with what is valid.
    static func parse(_ text: String) throws -> Moment { try parse(text, now: SystemCalls.now()) }

    /// Reads a moment as of `now`.
    static func parse(_ text: String, now: Int64) throws -> Moment {
        if let span = try? Span.parse(text) { return Moment(milliseconds: max(0, now - span.milliseconds)) }
        let parts = text.split(maxSplits: 1) { $0 == " " || $0 == "T" }.map(String.init)
        let day = parts.first.flatMap { numbers($0, separator: "-", counts: 3...3) }
        let time = parts.last.flatMap { numbers($0, separator: ":", counts: 2...3) }
        let found: Int64? =
            switch (day, time, parts.count) {
            case (let day?, let time?, 2): Times.milliseconds((day[0], day[1], day[2]), time)
            case (let day?, nil, 1): Times.milliseconds((day[0], day[1], day[2]), [])
            case (nil, let time?, 1): Times.day(now).flatMap { Times.milliseconds($0, time) }
            default: nil
            }
        guard let found else {
            throw ValidationError(
                "write a length of time (10m, 2h, 7d), a time of today (14:30), or a day (2026-11-29)")
        }
        return Moment(milliseconds: found)
    }

    private static func numbers(_ text: String, separator: Character, counts: ClosedRange<Int>) -> [Int32]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.count <= 4 && $0.allSatisfy(\.isNumber) ? Int32($0) : nil }
        return counts.contains(parts.count) && numbers.count == parts.count ? numbers : nil
    }
}
