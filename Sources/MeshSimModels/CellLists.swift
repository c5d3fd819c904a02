/// Who stands in which cell: lists through arrays, for many agents in few or many cells.
struct CellLists {
    private(set) var heads: [Int32]
    private(set) var nexts: [Int32] = []

    init(cells: Int) { heads = [Int32](repeating: -1, count: cells) }

    /// Fills the lists again: the agents of a cell are in ascending order.
    mutating func fill(_ places: [Int32], where isIn: (Int) -> Bool) {
        for index in heads.indices { heads[index] = -1 }
        if nexts.count < places.count { nexts = [Int32](repeating: -1, count: places.count) }
        for agent in places.indices.reversed() where isIn(agent) {
            nexts[agent] = heads[Int(places[agent])]
            heads[Int(places[agent])] = Int32(agent)
        }
    }

    /// One of the agents of a cell that fit, each equally likely; nil when there is none.
    func pick(in cell: Int, _ draw: (Int) -> Int, where fits: (Int) -> Bool) -> Int? {
        var count = 0
        var agent = Int(heads[cell])
        while agent >= 0 {
            if fits(agent) { count += 1 }
            agent = Int(nexts[agent])
        }
        guard count > 0 else { return nil }
        var left = count == 1 ? 0 : draw(count)
        agent = Int(heads[cell])
        while agent >= 0 {
            if fits(agent) {
                if left == 0 { return agent }
                left -= 1
            }
            agent = Int(nexts[agent])
        }
        return nil
    }
}
