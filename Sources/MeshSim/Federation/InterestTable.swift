/// The properties of a value that interests match on.
public struct InterestSubject: Codable, Sendable, Hashable {
    /// The domain that owns it.
    public var domain: String
    /// Its type.
    public var type: String?
    /// The zone that it is in.
    public var zone: String?
    /// Its place across, and up.
    public var x: Double?
    /// See `x`.
    public var y: Double?

    /// Makes a subject.
    public init(domain: String, type: String? = nil, zone: String? = nil, x: Double? = nil, y: Double? = nil) {
        self.domain = domain
        self.type = type
        self.zone = zone
        self.x = x
        self.y = y
    }
}

/// What a domain subscribes to; all given criteria must match, omitted ones always match.
public struct DomainInterest: Codable, Sendable, Hashable {
    /// A rectangle with its borders.
    public struct Region: Codable, Sendable, Hashable {
        /// The lowest place across.
        public var minimumX: Double
        /// The lowest place up.
        public var minimumY: Double
        /// The highest place across.
        public var maximumX: Double
        /// The highest place up.
        public var maximumY: Double

        /// Makes a region.
        public init(minimumX: Double, minimumY: Double, maximumX: Double, maximumY: Double) {
            self.minimumX = minimumX
            self.minimumY = minimumY
            self.maximumX = maximumX
            self.maximumY = maximumY
        }
    }
    /// The subscriber.
    public var subscriber: String
    /// The interest's name; one subscriber's names differ.
    public var name: String
    /// Of these domains.
    public var domains: [String]?
    /// Of these types.
    public var types: [String]?
    /// In these zones.
    public var zones: [String]?
    /// In this region.
    public var region: Region?

    /// Makes an interest.
    public init(
        _ subscriber: String, name: String, domains: [String]? = nil, types: [String]? = nil, zones: [String]? = nil,
        region: Region? = nil
    ) {
        self.subscriber = subscriber
        self.name = name
        self.domains = domains
        self.types = types
        self.zones = zones
        self.region = region
    }

    /// Reports whether a subject matches. A domain's own subjects never match; without a zone, no zone matches.
    public func matches(_ subject: InterestSubject) -> Bool {
        guard subject.domain != subscriber else { return false }
        if let domains, !domains.contains(subject.domain) { return false }
        if let types, !(subject.type.map(types.contains) ?? false) { return false }
        if let zones, !(subject.zone.map(zones.contains) ?? false) { return false }
        guard let region else { return true }
        guard let x = subject.x, let y = subject.y else { return false }
        return x >= region.minimumX && x <= region.maximumX && y >= region.minimumY && y <= region.maximumY
    }
}

/// A change of what a domain is subscribed to.
public struct InterestChange: Codable, Sendable, Hashable {
    /// The subscriber.
    public var subscriber: String
    /// The key.
    public var key: String
    /// Whether it entered; the subscriber then gets its whole value. Otherwise it gets no more of it.
    public var isEntering: Bool

    /// Makes a change.
    public init(subscriber: String, key: String, isEntering: Bool) {
        self.subscriber = subscriber
        self.key = key
        self.isEntering = isEntering
    }
}

/// Subscriptions: declared interests of domains by domain, type, zone and region, like the data distribution management
/// of the High Level Architecture. A domain gets only values it is interested in; entering and leaving are explicit.
public struct InterestTable: Sendable {
    /// The maximum number of interests.
    public static let maximumInterests = 4_096
    /// The maximum number of names in one list of an interest.
    public static let maximumNames = 1_024
    /// The maximum number of subjects.
    public static let maximumSubjects = 1_000_000

    /// By subscriber and name.
    public private(set) var interests: [DomainInterest] = []
    /// Looked up only; the order of `keys` decides.
    private var subjects: [String: (subject: InterestSubject, hearers: [String])] = [:]
    /// By bytes.
    private var keys: [String] = []

    /// A table without interests.
    public init() {}

    /// Who hears of a key now, by name.
    public func hearers(of key: String) -> [String] { subjects[key]?.hearers ?? [] }

    /// Declares an interest, or changes the one of that name. Gives what enters and leaves, by subscriber and key. Fails
    /// when it is not valid or there are too many.
    public mutating func declare(_ interest: DomainInterest) throws(FederationError) -> [InterestChange] {
        try FederationLimits.checkName(interest.subscriber)
        try FederationLimits.checkName(interest.name)
        if let region = interest.region {
            let sides = [region.minimumX, region.minimumY, region.maximumX, region.maximumY]
            guard sides.allSatisfy(\.isFinite), region.minimumX <= region.maximumX, region.minimumY <= region.maximumY
            else {
                throw FederationError(.invalid, "a region has finite sides, and its minimum is not above its maximum")
            }
        }
        let most = [interest.domains, interest.types, interest.zones].map { $0?.count ?? 0 }.max() ?? 0
        guard most <= Self.maximumNames else {
            throw FederationError(.limit, "an interest lists at most \(Self.maximumNames) names; declare several")
        }
        let place = interests.firstIndex { !Self.precedes($0, interest) } ?? interests.count
        if place < interests.count, !Self.precedes(interest, interests[place]) {
            interests[place] = interest
        } else {
            guard interests.count < Self.maximumInterests else {
                throw FederationError(.limit, "there are \(Self.maximumInterests) interests; withdraw some")
            }
            interests.insert(interest, at: place)
        }
        return reviewAll()
    }

    /// Withdraws an interest. Gives what leaves. Fails when it is not declared.
    public mutating func withdraw(_ subscriber: String, name: String) throws(FederationError) -> [InterestChange] {
        guard let place = interests.firstIndex(where: { $0.subscriber == subscriber && $0.name == name }) else {
            throw FederationError(.unknown, "\(subscriber) has no interest \(name)")
        }
        interests.remove(at: place)
        return reviewAll()
    }

    /// Something is new, or has moved. Gives who begins and who ceases to hear of it; those who go on hearing get its
    /// changes as before. Fails when its place is not finite, or too much is known.
    public mutating func put(_ key: String, _ subject: InterestSubject) throws(FederationError) -> [InterestChange] {
        guard subject.x?.isFinite ?? true, subject.y?.isFinite ?? true else {
            throw FederationError(.invalid, "\(key) has a place that is not finite")
        }
        guard (1...FederationLimits.keyBytes).contains(key.utf8.count) else {
            throw FederationError(.limit, "a key has 1 to \(FederationLimits.keyBytes) bytes, not \(key.utf8.count)")
        }
        if subjects[key] == nil {
            guard keys.count < Self.maximumSubjects else {
                throw FederationError(.limit, "\(Self.maximumSubjects) things are known; remove some")
            }
            keys.insert(key, at: keys.lowerBound(of: key, by: \.self))
        }
        subjects[key] = (subject, subjects[key]?.hearers ?? [])
        return review(key)
    }

    /// Something is no more. Gives who ceases to hear of it.
    public mutating func remove(_ key: String) -> [InterestChange] {
        guard let known = subjects.removeValue(forKey: key) else { return [] }
        if let place = keys.place(of: key, by: \.self) { keys.remove(at: place) }
        return known.hearers.map { InterestChange(subscriber: $0, key: key, isEntering: false) }
    }

    private static func precedes(_ one: DomainInterest, _ other: DomainInterest) -> Bool {
        one.subscriber == other.subscriber
            ? one.name.precedesInBytes(other.name) : one.subscriber.precedesInBytes(other.subscriber)
    }

    private mutating func reviewAll() -> [InterestChange] {
        var changes: [InterestChange] = []
        for key in keys { changes += review(key) }
        return changes.sorted {
            $0.subscriber == $1.subscriber
                ? $0.key.precedesInBytes($1.key) : $0.subscriber.precedesInBytes($1.subscriber)
        }
    }

    /// Compares who hears of a key with who should.
    private mutating func review(_ key: String) -> [InterestChange] {
        guard let known = subjects[key] else { return [] }
        var hearers: [String] = []
        for interest in interests where hearers.last != interest.subscriber && interest.matches(known.subject) {
            hearers.append(interest.subscriber)
        }
        subjects[key] = (known.subject, hearers)
        let left = known.hearers.filter { !hearers.contains($0) }
        let entered = hearers.filter { !known.hearers.contains($0) }
        return
            (left.map { InterestChange(subscriber: $0, key: key, isEntering: false) }
            + entered.map { InterestChange(subscriber: $0, key: key, isEntering: true) })
            .sorted { $0.subscriber.precedesInBytes($1.subscriber) }
    }
}
