"""What is raised when a network file cannot be used."""


class CaseError(ValueError):
    """A network file is wrong: says in which file, at which element and field, and what would be right.

    Arguments
        file: name of the file, without its folder.
        problem: what is wrong and what would be right, as one sentence.
        element: the offender as the file has it, e.g. `line 7 "A - B"`, `mpc.branch row 12`; may be empty.
        field: the column or key, e.g. `r_ohm_per_km`, `BR_R`; may be empty.
        value: the offending value as text; may be empty.
    """

    def __init__(self, file: str, problem: str, element: str = "", field: str = "", value: str = "") -> None:
        # All five go to args, so that the exception survives pickling between processes.
        super().__init__(file, problem, element, field, value)
        self.file = file
        self.problem = problem
        self.element = element
        self.field = field
        self.value = value

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.element, self.field) if part)
        if self.value:
            place = f"{place} = {self.value}" if place else self.value
        return ": ".join(part for part in (self.file, place, self.problem) if part)
