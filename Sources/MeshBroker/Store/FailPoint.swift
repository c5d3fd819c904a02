import Glibc

/// Places at which a broker ends at once, like a killed process, when `MESH_FAIL_POINT` names them: `after_commit`, or
/// `after_commit:20` for the twentieth time. The fault checker uses it at the critical places; without the variable a
/// place costs one comparison.
public enum FailPoint: String, CaseIterable, Sendable {
    /// A batch was applied and is not committed.
    case beforeCommit = "before_commit"
    /// A batch is durable and nothing was sent.
    case afterCommit = "after_commit"
    /// A batch is durable and its answers were handed to the connections.
    case afterAnswer = "after_answer"
    /// A checkpoint is signed and not stored.
    case beforeCheckpoint = "before_checkpoint"
    /// A mesh's file is open and its tables are not read.
    case inRecovery = "in_recovery"

    /// The exit status of the process.
    public static let exitStatus: Int32 = 86

    private static let plan: (point: FailPoint, countdown: Countdown)? = {
        guard let text = getenv("MESH_FAIL_POINT").map({ String(cString: $0) }) else { return nil }
        let parts = text.split(separator: ":").map(String.init)
        guard let point = parts.first.flatMap(FailPoint.init) else { return nil }
        return (point, Countdown(parts.count > 1 ? Int(parts[1]) ?? 1 : 1))
    }()

    /// Ends the process here when this place was named and its count is reached.
    public static func pass(_ point: FailPoint) {
        guard let plan, plan.point == point, plan.countdown.isOver() else { return }
        _exit(exitStatus)
    }
}

/// Deliberate faults, only in debug builds, when `MESH_PLANTED_FAULT` names them: the fault checker must detect each
/// one, or it would detect nothing.
public enum PlantedFault: String, CaseIterable, Sendable {
    /// A disk that has room again is still treated as full.
    case neverRoomAgain = "never_room_again"
    /// A batch is answered and not stored.
    case loseCommit = "lose_commit"
    /// A delivery is never made.
    case dropDelivery = "drop_delivery"
    /// A message is offered twice with the same attempt.
    case repeatPush = "repeat_push"
    /// Two messages are sent in swapped order.
    case swapPushes = "swap_pushes"
    /// A message goes to another connection.
    case wrongPeer = "wrong_peer"
    /// The idempotency key is not looked up: a retry is a new message.
    case forgetKeys = "forget_keys"
    /// An acknowledgement is answered and not stored.
    case forgetAcknowledgements = "forget_acknowledgements"
    /// Any client that names a session key gets it, whoever owns it.
    case trustNamedKeys = "trust_named_keys"
    /// A client that said goodbye is treated as one that lost its connection.
    case forgetGoodbyes = "forget_goodbyes"
    /// A signature may be used again.
    case forgetSignatures = "forget_signatures"
    /// A foreign client's label replaces its member's name.
    case labelAsName = "label_as_name"
    /// Pages of a file are read without verifying their checksums.
    case trustPages = "trust_pages"

    #if DEBUG
        private static let plan: (fault: PlantedFault, every: Countdown)? = {
            guard let text = getenv("MESH_PLANTED_FAULT").map({ String(cString: $0) }),
                let fault = PlantedFault(rawValue: text)
            else { return nil }
            return (fault, Countdown(every: isRare(fault) ? 1 : 25))
        }()

        /// Rare events go wrong each time.
        private static func isRare(_ fault: PlantedFault) -> Bool {
            switch fault {
            case .forgetKeys, .trustNamedKeys, .forgetGoodbyes, .forgetSignatures, .labelAsName, .trustPages: true
            default: false
            }
        }
    #endif

    /// Whether to inject the fault here, this time: every 25th time when it was named, each time when its kind is rare;
    /// never in a release build.
    @inline(__always)
    public static func strikes(_ fault: PlantedFault, onlyIf condition: @autoclosure () -> Bool = true) -> Bool {
        #if DEBUG
            guard let plan, plan.fault == fault, condition() else { return false }
            return plan.every.isOver()
        #else
            return false
        #endif
    }
}

extension PlantedFault {
    #if DEBUG
        private static let named = getenv("MESH_PLANTED_FAULT").flatMap { PlantedFault(rawValue: String(cString: $0)) }
    #endif

    /// Whether this fault was named: for events too rare to be counted. Never in a release build.
    public static func isPlanted(_ fault: PlantedFault) -> Bool {
        #if DEBUG
            return named == fault
        #else
            return false
        #endif
    }
}
