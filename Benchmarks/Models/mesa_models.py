#!/usr/bin/env python3
"""The four models in Mesa (PyPI), with the same declarations as Sources/MeshSimModels, timed in this process.

    pip install mesa numpy
    python Benchmarks/Models/mesa_models.py [MODEL]

Prints one JSON line for each model and size. Mesa's own building blocks are used where it has them: agents, AgentSet with
shuffle_do, its cell spaces. Agents are real objects that move, and updates are sequential, as declared.
"""

from __future__ import annotations

import json
import math
import sys
import time

import mesa
import numpy as np
from mesa.discrete_space import CellAgent, OrthogonalMooreGrid, OrthogonalVonNeumannGrid
from mesa.experimental.continuous_space import ContinuousSpace, ContinuousSpaceAgent


class Resident(CellAgent):
    def __init__(self, model, cell, group):
        super().__init__(model)
        self.cell, self.group, self.happy = cell, group, False

    def step(self):
        near = sum(1 for other in self.cell.get_neighborhood(radius=self.model.radius).agents
                   if other.group == self.group)
        self.happy = near >= self.model.threshold
        if not self.happy:
            self.cell = self.model.grid.select_random_empty_cell()


class Schelling(mesa.Model):
    ticks = 20
    sizes = {"small": (40, 1000, 1, 3), "large": (100, 8000, 2, 8)}

    def __init__(self, side, count, radius, threshold, seed):
        super().__init__(seed=seed)
        self.radius, self.threshold = radius, threshold
        self.grid = OrthogonalMooreGrid((side, side), torus=False, capacity=1, random=self.random)
        cells = self.random.sample(list(self.grid.all_cells), count)
        for number, cell in enumerate(cells):
            Resident(self, cell, number < count // 2)

    def step(self):
        self.agents.shuffle_do("step")


class Bird(mesa.Agent):
    def __init__(self, model):
        super().__init__(model)
        draw = model.random.random
        self.x, self.y = draw() * model.side, draw() * model.side
        self.vx, self.vy = draw() * 2 - 1, draw() * 2 - 1
        self.home = None
        self.settle()

    def settle(self):
        model = self.model
        home = (int(self.x / model.cell) % model.cells, int(self.y / model.cell) % model.cells)
        if home != self.home:
            if self.home is not None:
                model.grid[self.home].remove(self)
            model.grid[home].add(self)
            self.home = home

    def step(self):
        model = self.model
        side, half, limit = model.side, model.side / 2, model.radius * model.radius
        count = 0
        cx = cy = mx = my = sx = sy = 0.0
        column, row = self.home
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                for other in model.grid[(column + i) % model.cells, (row + j) % model.cells]:
                    if other is self:
                        continue
                    dx, dy = other.x - self.x, other.y - self.y
                    if dx > half:
                        dx -= side
                    elif dx < -half:
                        dx += side
                    if dy > half:
                        dy -= side
                    elif dy < -half:
                        dy += side
                    distance = dx * dx + dy * dy
                    if distance <= limit:
                        count += 1
                        cx += dx
                        cy += dy
                        mx += other.vx
                        my += other.vy
                        if distance < 1:
                            sx -= dx
                            sy -= dy
        weight = 1 / max(count, 1)
        vx = self.vx + (0.03 * cx + 0.015 * sx + 0.05 * mx) * weight
        vy = self.vy + (0.03 * cy + 0.015 * sy + 0.05 * my) * weight
        length = math.hypot(vx, vy)
        if length > 0:
            vx, vy = vx / length, vy / length
        self.vx, self.vy = vx, vy
        self.x, self.y = (self.x + vx) % side, (self.y + vy) % side
        self.settle()


class Flocking(mesa.Model):
    """With a cell list of plain Python, which is faster than Mesa's continuous space and as exact."""

    ticks = 100
    sizes = {"small": (100, 200, 5), "large": (150, 400, 15)}

    def __init__(self, side, count, radius, seed):
        super().__init__(seed=seed)
        self.side, self.radius, self.cells = side, radius, side // radius
        self.cell = side / self.cells
        self.grid = {(i, j): set() for i in range(self.cells) for j in range(self.cells)}
        for _ in range(count):
            Bird(self)

    def step(self):
        self.agents.shuffle_do("step")


class SpaceBird(ContinuousSpaceAgent):
    def __init__(self, space, model, position, velocity):
        super().__init__(space, model)
        self.position, self.velocity = position, velocity

    def step(self):
        neighbours, distances = self.get_neighbors_in_radius(radius=self.model.radius)
        count = len(neighbours)
        change = np.zeros(2)
        if count:
            vectors = self.space.calculate_difference_vector(self.position, agents=neighbours)
            close = np.asarray(distances) < 1
            change = (0.03 * vectors.sum(axis=0) - 0.015 * vectors[close].sum(axis=0)
                      + 0.05 * np.asarray([one.velocity for one in neighbours]).sum(axis=0)) / count
        velocity = self.velocity + change
        length = np.linalg.norm(velocity)
        self.velocity = velocity / length if length > 0 else velocity
        self.position += self.velocity


class FlockingInSpace(mesa.Model):
    """With Mesa's own continuous space, as its users write it."""

    ticks = 100
    sizes = Flocking.sizes

    def __init__(self, side, count, radius, seed):
        super().__init__(seed=seed)
        self.radius = radius
        self.space = ContinuousSpace([[0, side], [0, side]], torus=True, random=self.random, n_agents=count)
        for _ in range(count):
            SpaceBird(self.space, self, self.rng.random(2) * side, self.rng.random(2) * 2 - 1)

    def step(self):
        self.agents.shuffle_do("step")


class Animal(CellAgent):
    def __init__(self, model, cell, energy, gain, chance):
        super().__init__(model)
        self.cell, self.energy, self.gain, self.chance = cell, energy, gain, chance

    def step(self):
        self.cell = self.cell.neighborhood.select_random_cell()
        self.energy -= 1
        self.feed()
        if self.energy < 0:
            self.remove()
        elif self.random.random() < self.chance:
            self.energy /= 2
            type(self)(self.model, self.cell, self.energy, self.gain, self.chance)


class Sheep(Animal):
    def feed(self):
        if self.model.grass[self.cell.coordinate] == 0:
            self.energy += self.gain
            self.model.grass[self.cell.coordinate] = self.model.regrowth


class Wolf(Animal):
    def feed(self):
        sheep = [one for one in self.cell.agents if isinstance(one, Sheep)]
        if sheep:
            self.random.choice(sheep).remove()
            self.energy += self.gain


class WolfSheep(mesa.Model):
    ticks = 100
    sizes = {"small": (25, 60, 40, 20, 0.2, 0.1), "large": (100, 1000, 500, 10, 0.4, 0.2)}

    def __init__(self, side, sheep, wolves, regrowth, sheep_chance, wolf_chance, seed):
        super().__init__(seed=seed)
        self.regrowth = regrowth
        self.grid = OrthogonalMooreGrid((side, side), torus=False, random=self.random)
        self.grass = {cell.coordinate: 0 if self.random.random() < 0.5 else self.random.randint(1, regrowth)
                      for cell in self.grid.all_cells}
        cells = list(self.grid.all_cells)
        for kind, count, gain, chance in ((Sheep, sheep, 5, sheep_chance), (Wolf, wolves, 13, wolf_chance)):
            for _ in range(count):
                kind(self, self.random.choice(cells), self.random.random() * 2 * gain, gain, chance)

    def step(self):
        for kind in (Sheep, Wolf):
            if kind in self.agents_by_type:
                self.agents_by_type[kind].shuffle_do("step")
        for place, left in self.grass.items():
            if left:
                self.grass[place] = left - 1


class Tree(CellAgent):
    def __init__(self, model, cell):
        super().__init__(model)
        self.cell, self.burns = cell, False


class ForestFire(mesa.Model):
    """With a list of the burning trees, as Sources/MeshSimModels has it."""

    ticks = 100
    sizes = {"small": (100, 0.7), "large": (500, 0.9)}

    def __init__(self, side, density, seed):
        super().__init__(seed=seed)
        self.grid = OrthogonalVonNeumannGrid((side, side), torus=False, capacity=1, random=self.random)
        self.front = []
        for cell in self.grid.all_cells:
            if self.random.random() < density:
                tree = Tree(self, cell)
                if cell.coordinate[1] == 0:
                    tree.burns = True
                    self.front.append(tree)

    def step(self):
        following = []
        for tree in self.front:
            for other in tree.cell.neighborhood.agents:
                if not other.burns:
                    other.burns = True
                    following.append(other)
        self.front = following


MODELS = {"schelling": Schelling, "flocking": FlockingInSpace, "flocking (own cells)": Flocking,
          "wolf-sheep": WolfSheep, "forest-fire": ForestFire}


def main() -> None:
    wanted = sys.argv[1:] or list(MODELS)
    for name in wanted:
        kind = MODELS[name]
        for size, parameters in kind.sizes.items():
            best = math.inf
            for seed in range(3):
                started = time.perf_counter()
                model = kind(*parameters, seed=seed)
                for _ in range(kind.ticks):
                    model.step()
                best = min(best, time.perf_counter() - started)
            print(json.dumps({"model": name, "size": size, "ticks": kind.ticks, "seconds": best, "mesa": mesa.__version__}),
                  flush=True)


if __name__ == "__main__":
    main()
