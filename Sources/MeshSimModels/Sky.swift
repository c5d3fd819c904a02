/// The birds of one step, sorted by the cells in which they begin it: those of a cell, and of the cells beside it, stand side
/// by side in memory, and four are looked at at a time.
struct Sky {
    private typealias Four = SIMD4<Double>

    /// A little more than the longest move: velocities are normalised, up to rounding.
    private static let move = 1.000_001

    private let side: Double
    private let radius: Double
    /// Cells on a side; 1 when fewer than three would fit.
    private let cells: Int
    /// Where each cell begins; one more at the end.
    private var starts: [Int32]
    /// A bird's place in the sorted arrays.
    private var slots: [Int32]
    private var homes: [Int32]
    private var xs, ys, vxs, vys: [Double]

    init(_ parameters: Flocking.Parameters, _ x: [Double], _ y: [Double], _ vx: [Double], _ vy: [Double]) {
        side = parameters.side
        // Beyond half the side a bird would be seen on two sides of the torus.
        radius = min(parameters.radius, parameters.side / 2)
        let fit = Int((side / (radius + Self.move)).rounded(.down))
        let cells = fit < 3 ? 1 : fit
        self.cells = cells
        let scale = Double(cells) / side
        let homes = x.indices.map { bird in
            Int32(min(cells - 1, Int(y[bird] * scale)) * cells + min(cells - 1, Int(x[bird] * scale)))
        }
        var starts = [Int32](repeating: 0, count: cells * cells + 1)
        for home in homes { starts[Int(home) + 1] += 1 }
        for cell in 0..<cells * cells { starts[cell + 1] += starts[cell] }
        var next = starts
        slots = homes.map { home in
            defer { next[Int(home)] += 1 }
            return next[Int(home)]
        }
        self.starts = starts
        self.homes = homes
        // Four more, so that the last four can be loaded at once.
        let empty = [Double](repeating: 0, count: x.count + 4)
        (xs, ys, vxs, vys) = (empty, empty, empty, empty)
        for bird in x.indices {
            let slot = Int(slots[bird])
            (xs[slot], ys[slot], vxs[slot], vys[slot]) = (x[bird], y[bird], vx[bird], vy[bird])
        }
    }

    /// Lets every bird fly, one after the other. Places are brought back onto the torus when all have landed: until then a
    /// bird stands where its cell's side of the torus expects it.
    mutating func fly(_ order: [Int32]) {
        for bird in order.lazy.map({ Int($0) }) {
            let slot = Int(slots[bird])
            var (vx, vy) = (vxs[slot], vys[slot])
            // A bird finds itself at distance 0, where it adds nothing but one to the count.
            (vxs[slot], vys[slot]) = (0, 0)
            let sums = look(from: slot, Int(homes[bird]))
            let weight = 1 / Double(max(sums.count, 1))
            vx += (0.03 * sums.cx + 0.015 * sums.sx + 0.05 * sums.mx) * weight
            vy += (0.03 * sums.cy + 0.015 * sums.sy + 0.05 * sums.my) * weight
            let length = (vx * vx + vy * vy).squareRoot()
            if length > 0 { (vx, vy) = (vx / length, vy / length) }
            (vxs[slot], vys[slot]) = (vx, vy)
            xs[slot] += vx
            ys[slot] += vy
        }
    }

    /// Writes the birds back in their own order.
    func land(_ x: inout [Double], _ y: inout [Double], _ vx: inout [Double], _ vy: inout [Double]) {
        for bird in slots.indices {
            let slot = Int(slots[bird])
            (x[bird], y[bird], vx[bird], vy[bird]) = (wrap(xs[slot]), wrap(ys[slot]), vxs[slot], vys[slot])
        }
    }

    var neighbourCounts: [Int] { slots.indices.map { look(from: Int(slots[$0]), Int(homes[$0])).count } }

    private func wrap(_ value: Double) -> Double {
        var value = value
        if value >= side { value -= side }
        if value < 0 { value += side }
        // A tiny negative number becomes the side itself by rounding.
        return value >= side ? 0 : value
    }

    private struct Sums {
        var count = 0
        var cx = 0.0, cy = 0.0, mx = 0.0, my = 0.0, sx = 0.0, sy = 0.0
    }

    private struct FourSums {
        var count = Four()
        var cx = Four(), cy = Four(), mx = Four(), my = Four(), sx = Four(), sy = Four()
    }

    private func look(from slot: Int, _ home: Int) -> Sums {
        var sums = FourSums()
        let (x, y) = (xs[slot], ys[slot])
        if cells == 1 {
            // Too few cells to keep sides apart: every bird is looked at on each side of the torus.
            for right in [-side, 0, side] {
                for down in [-side, 0, side] { gather(0, Int(starts[1]), x + right, y + down, &sums) }
            }
        } else {
            let (row, column) = (home / cells, home % cells)
            for down in -1...1 {
                var line = row + down
                // A bird beyond the edge is seen there: the viewer is moved instead.
                var here = y
                if line < 0 {
                    line += cells
                    here += side
                } else if line >= cells {
                    line -= cells
                    here -= side
                }
                let base = line * cells
                // Cells of a row stand side by side: one range, or two where it goes around the edge.
                if column == 0 {
                    gather(Int(starts[base]), Int(starts[base + 2]), x, here, &sums)
                    gather(Int(starts[base + cells - 1]), Int(starts[base + cells]), x + side, here, &sums)
                } else if column == cells - 1 {
                    gather(Int(starts[base + column - 1]), Int(starts[base + cells]), x, here, &sums)
                    gather(Int(starts[base]), Int(starts[base + 1]), x - side, here, &sums)
                } else {
                    gather(Int(starts[base + column - 1]), Int(starts[base + column + 2]), x, here, &sums)
                }
            }
        }
        return Sums(
            count: Int(sums.count.sum()) - 1, cx: sums.cx.sum(), cy: sums.cy.sum(), mx: sums.mx.sum(),
            my: sums.my.sum(), sx: sums.sx.sum(), sy: sums.sy.sum())
    }

    /// Which of the last four are meant, by how many are left.
    private static let tails: [SIMDMask<SIMD4<Int64>>] = (0...4).map { count in
        SIMD4<Int64>(0, 1, 2, 3) .< SIMD4(repeating: Int64(count))
    }

    @inline(__always)
    private func gather(_ begin: Int, _ end: Int, _ hereX: Double, _ hereY: Double, _ sums: inout FourSums) {
        let (x, y) = (Four(repeating: hereX), Four(repeating: hereY))
        let (limit, one, zero) = (Four(repeating: radius * radius), Four(repeating: 1), Four())
        xs.withUnsafeBytes { xs in
            ys.withUnsafeBytes { ys in
                vxs.withUnsafeBytes { vxs in
                    vys.withUnsafeBytes { vys in
                        var slot = begin
                        while slot < end {
                            let offset = slot * 8
                            let dx = xs.loadUnaligned(fromByteOffset: offset, as: Four.self) - x
                            let dy = ys.loadUnaligned(fromByteOffset: offset, as: Four.self) - y
                            let distance = dx * dx + dy * dy
                            var isNear = distance .<= limit
                            if end - slot < 4 { isNear = isNear .& Self.tails[end - slot] }
                            slot += 4
                            guard any(isNear) else { continue }
                            sums.count += zero.replacing(with: one, where: isNear)
                            sums.cx += zero.replacing(with: dx, where: isNear)
                            sums.cy += zero.replacing(with: dy, where: isNear)
                            sums.mx += zero.replacing(
                                with: vxs.loadUnaligned(fromByteOffset: offset, as: Four.self), where: isNear)
                            sums.my += zero.replacing(
                                with: vys.loadUnaligned(fromByteOffset: offset, as: Four.self), where: isNear)
                            let isClose = isNear .& (distance .< one)
                            guard any(isClose) else { continue }
                            sums.sx -= zero.replacing(with: dx, where: isClose)
                            sums.sy -= zero.replacing(with: dy, where: isClose)
                        }
                    }
                }
            }
        }
    }
}
