import ArgumentParser
import MeshCore
import MeshSDK

/// `--since` and `--follow` of `mesh-cli topic history`.
struct TopicFollow: ParsableArguments {
    @Option(help: "Only messages from then on: 2h, 14:30 or 2026-11-29.", transform: Moment.parse)
    var since: Moment?

    @Flag(help: "Go on printing what is posted, until Ctrl-C; it makes you neither a member nor a peer.")
    var follow = false

    /// At most so many messages between two looks are printed, the newest ones.
    private static let limit = 2_000

    /// The messages of a page that are not older than `--since`.
    func cut(_ page: TopicHistoryPage) -> TopicHistoryPage {
        guard let since else { return page }
        let wanted = page.messages.prefix { (Span.milliseconds(iso8601: $0.createdAt) ?? 0) >= since.milliseconds }
        return TopicHistoryPage(
            topic: page.topic, messages: Array(wanted), more: page.more && wanted.count == page.messages.count)
    }

    /// Prints messages, newest first, in the order in which they were posted.
    func print(_ messages: [TopicMessage], _ out: Printer) {
        for message in messages.reversed() {
            if out.isJSON {
                out.put(Printer.line(message.lineJSON))
            } else {
                out.raw(TopicNoun.block(message, now: SystemCalls.now(), colour: out.colour))
            }
        }
    }

    /// Prints what is posted behind a message, asking once a second. A broker that is away is asked again, and that it is
    /// away is said once. `seen` gets the newest one that was printed.
    func run(
        _ topic: String, after last: String?, _ api: MeshAPI, _ out: Printer,
        seen: (_ newest: String) async throws -> Void
    ) async throws {
        var last = last
        var isAway = false
        while follow {
            try await Task.sleep(for: .seconds(1))
            let news: [TopicMessage]
            do throws(MeshError) {
                news = try await Self.news(topic, after: last, api)
                isAway = false
            } catch {
                guard error.details["network"]?.boolValue == true else { throw error }
                if !isAway { out.note("* \(Table.printable(error.message)); asking again") }
                isAway = true
                continue
            }
            print(news, out)
            guard let newest = news.first else { continue }
            last = newest.id
            try await seen(newest.id)
        }
    }

    /// What was posted after a message, newest first.
    private static func news(
        _ topic: String, after last: String?, _ api: MeshAPI
    ) async throws(MeshError) -> [TopicMessage] {
        var news: [TopicMessage] = []
        while news.count < limit {
            let page = try await api.call(TopicHistory(topic: topic, limit: 200, beforeId: news.last?.id))
            let fresh = page.messages.prefix { $0.id != last }
            news += fresh
            if fresh.isEmpty || fresh.count < page.messages.count || !page.more { break }
        }
        return news
    }
}
