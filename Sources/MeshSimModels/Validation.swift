public import MeshSim

// What each model can be made from: beyond these bounds memory, or the numbers of its arrays, end.

private func check<Value: Comparable>(
    _ name: String, _ value: Value, _ range: ClosedRange<Value>
) throws(SimError) {
    guard range.contains(value) else {
        throw SimError("\(name) is \(value): \(range.lowerBound) to \(range.upperBound)")
    }
}

private let sides = 1...10_000
private let counts = 0...10_000_000

extension Schelling {
    public static func validate(_ parameters: Parameters) throws(SimError) {
        try check("side", parameters.side, sides)
        try check("agents", parameters.agents, 0...parameters.side * parameters.side)
        try check("radius", parameters.radius, 0...10_000)
        try check("threshold", parameters.threshold, counts)
    }
}

extension Flocking {
    public static func validate(_ parameters: Parameters) throws(SimError) {
        try check("side", parameters.side, 1...1_000_000)
        try check("birds", parameters.birds, counts)
        try check("radius", parameters.radius, 0...1_000_000)
        // Cells are about as wide as the radius: a small one on a large square would need too many.
        try check("side / (radius + 1)", parameters.side / (parameters.radius + 1), 0...5_000)
    }
}

extension WolfSheep {
    public static func validate(_ parameters: Parameters) throws(SimError) {
        // On a single cell nobody could walk.
        try check("side", parameters.side, 2...10_000)
        try check("sheep", parameters.sheep, counts)
        try check("wolves", parameters.wolves, counts)
        try check("regrowth", parameters.regrowth, 1...1_000_000)
        try check("sheepReproduction", parameters.sheepReproduction, 0...1)
        try check("wolfReproduction", parameters.wolfReproduction, 0...1)
        try check("sheepGain", parameters.sheepGain, 0...1_000_000)
        try check("wolfGain", parameters.wolfGain, 0...1_000_000)
    }
}

extension ForestFire {
    public static func validate(_ parameters: Parameters) throws(SimError) {
        try check("side", parameters.side, sides)
        try check("density", parameters.density, 0...1)
    }
}

extension PPHPC {
    public static func validate(_ parameters: Parameters) throws(SimError) {
        try check("side", parameters.side, sides)
        try check("sheep", parameters.sheep, counts)
        try check("wolves", parameters.wolves, counts)
        try check("sheepGain", parameters.sheepGain, 1...1_000_000)
        try check("wolfGain", parameters.wolfGain, 1...1_000_000)
        try check("sheepReproduction", parameters.sheepReproduction, 0...100)
        try check("wolfReproduction", parameters.wolfReproduction, 0...100)
        try check("restart", parameters.restart, 1...1_000_000)
    }
}
