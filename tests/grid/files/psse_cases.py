"""A grid that has each of what RAW files have, written in any revision: for tests of the reader."""

from dataclasses import dataclass

KV = {"NORTH": 230.0, "SOUTH": 115.0, "PLANT": 13.8, "TOWN": 34.5, "MILL": 34.5}
NOMINAL = {"NORTH": 225.0, "SOUTH": 118.0, "PLANT": 13.2, "TOWN": 34.5}  # of windings, kV
RATIO = {"NORTH": 1.01, "SOUTH": 0.99, "PLANT": 1.0, "TOWN": 1.02}  # of windings, p.u. of the bus's kV
OWN_MVA = 60.0  # base of the windings' impedances


@dataclass(frozen=True)
class Codes:
    """In what a transformer's numbers are given."""

    cw: int = 1
    cz: int = 1
    cm: int = 1


def winding(bus: str, codes: Codes, angle: float, revision: int) -> str:
    """The line of a winding."""
    by_kv = RATIO[bus] * KV[bus]
    given = {1: RATIO[bus], 2: by_kv, 3: by_kv / NOMINAL[bus]}[codes.cw]
    ratings = 12 if revision >= 34 else 3
    node = " 0," if revision >= 34 else ""
    rest = f"0, 0,{node} 1.1, 0.9, 1.1, 0.9, 33, 0, 0.0, 0.0"
    return f"{given:.9f}, {NOMINAL[bus]}, {angle}, {', '.join(['100.0'] + ['0.0'] * (ratings - 1))}, {rest}"


def impedance(r: float, x: float, codes: Codes) -> str:
    """R, X and base power."""
    return f"{r * OWN_MVA * 1e6 if codes.cz == 3 else r}, {x}, {OWN_MVA}"


def head(buses: str, name: str, codes: Codes) -> str:
    """The first line of a transformer."""
    conductance, susceptance = (1e5, 0.0125) if codes.cm == 2 else (0.001, -0.004)
    return f"{buses}, '1 ', {codes.cw}, {codes.cz}, {codes.cm}, {conductance}, {susceptance}, 2, '{name}', 1, 1, 1.0"


def raw_text(
    revision: int = 33, codes: Codes | None = None, loads: tuple[str, ...] = (), dc_lines: tuple[str, ...] = ()
) -> str:
    """A file of PSS/E. loads, dc_lines: further records."""
    codes = Codes() if codes is None else codes
    new, fixed_apart = revision >= 34, revision >= 31
    buses = []
    for number, (name, kv) in enumerate(KV.items(), start=1):
        kind = {"NORTH": 3, "PLANT": 2}.get(name, 1)
        shunt = ", 0.5, 8.0" if name == "SOUTH" else ", 0.0, 0.0"
        place = f"{kind}, 1, 1, 1" if fixed_apart else f"{kind}{shunt}, 1, 1"
        limits = ", 1.1, 0.9, 1.1, 0.9" if revision >= 33 else ""
        buses.append(f"{number}, '{name:<12}', {kv}, {place}, 1.0, 0.0{limits if fixed_apart else ', 1'}")
    drawn = [f"{bus}, '1 ', 1, 1, 1, {power}, 0.0, 0.0, 0.0, 0.0, 1" for bus, power in
             ((2, "40.0, 10.0"), (4, "20.0, 5.0"), (5, "10.0, 2.0"))]  # fmt: skip
    regulated = "0, 0" if revision >= 35 else "0"
    machine = f"{regulated}, 100.0, 0, 1, 0, 0, 1.0, 1, 100.0"
    generators = [f"{bus}, '1 ', {p}, 0.0, 100.0, -100.0, {v}, {machine}, {most}, 0.0"
                  for bus, p, v, most in ((1, 30.0, 1.02, 200.0), (3, 35.0, 1.01, 80.0))]  # fmt: skip
    ratings = ", ".join(["50.0"] + ["0.0"] * (11 if new else 2))
    branch_name = "'TOWN LINE', " if new else ""
    branches = [f"4, 5, '1 ', 0.05, 0.1, 0.01, {branch_name}{ratings}, 0.001, 0.002, 0.003, 0.004, 1"]
    transformers = [
        head("1, 2, 0", "T12", codes), impedance(0.004, 0.12, codes),
        winding("NORTH", codes, 0.0, revision), winding("SOUTH", codes, 0.0, revision),
        head("3, 2, 0", "T32", codes), impedance(0.005, 0.1, codes),
        winding("PLANT", codes, 30.0, revision), winding("SOUTH", codes, 0.0, revision),
        head("1, 2, 4", "T124", codes),
        ", ".join(impedance(*z, codes) for z in ((0.004, 0.15), (0.003, 0.08), (0.004, 0.2))) + ", 1.0, 0.0",
        winding("NORTH", codes, 0.0, revision), winding("SOUTH", codes, 0.0, revision),
        winding("TOWN", codes, -30.0, revision),
    ]  # fmt: skip
    identifier, step = ("'1 ', ", "1, 1, 6.0") if revision >= 35 else ("", "1, 6.0")
    service = "0, 1, " if revision >= 32 else ""
    switched = [f"4, {identifier}1, {service}1.1, 0.9, {regulated}, 100.0, '            ', 6.0, {step}"]
    head_line = f"0, 100.0, {revision}, 0, 0, 60.0 / a grid of each"
    sections = [buses, [*drawn, *loads]]
    sections += [["2, '1 ', 1, 0.5, 8.0"]] if fixed_apart else []
    sections += [generators, branches, *([[]] if new else []), transformers, [], list(dc_lines), []]
    end: list[list[str]] = [[], [], [], [], [], [], []]  # impedance correction to FACTS
    sections += [*end, switched, [], [], *([[]] if new else [])] if fixed_apart else [switched, *end]
    general = ["GENERAL, THRSHZ=0.0001, PQBRAK=0.7", "0 / END OF SYSTEM-WIDE DATA"] if new else []
    lines = [line for section in sections for line in (*section, "0 / END")]
    return "\n".join([head_line, "TITLE", "OF TWO LINES", *general, *lines, "Q", ""])
