"""What operations of the OpenAPI document have in common is written once, under `components`, and named by each."""

import json
from collections import defaultdict
from typing import Any


def share(document: dict[str, Any]) -> None:
    """Name every parameter, every refusal and every page of a list by `$ref`.

    The one that most operations have bears the plain name (`limit`, `Problem409`); each other one bears that of an
    operation too, the shortest of those that have it (`sort.firms` for `list_firms`).
    """
    operations = [operation for of in document["paths"].values() for operation in of.values()]
    parameters, answers = _Shared(), _Shared()
    for operation in operations:
        for parameter in operation.get("parameters", ()):
            parameters.add(parameter["name"], parameter, operation["operationId"])
        for status, answer in operation["responses"].items():
            if name := _name(operation, status, answer):
                answers.add(name, answer, operation["operationId"])
    document["components"] |= {"parameters": parameters.named(), "responses": answers.named()}
    for operation in operations:
        if "parameters" in operation:
            operation["parameters"] = [parameters.reference(each, "parameters") for each in operation["parameters"]]
        operation["responses"] = {
            status: answers.reference(answer, "responses") if _name(operation, status, answer) else answer
            for status, answer in operation["responses"].items()
        }


def _name(operation: dict[str, Any], status: str, answer: dict[str, Any]) -> str:
    """What an answer that is shared is called: a refusal by its status, a page by its schema; "" for any other."""
    if status >= "400":
        return f"Problem{status}"
    if operation.get("x-listing") and status == "200":
        schema: str = answer["content"]["application/json"]["schema"].get("$ref", "")
        return schema.rpartition("/")[2]
    return ""


class _Shared:
    """Parts of one kind, each with the operations that have it."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self._users: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._names: dict[str, str] = {}

    def add(self, name: str, part: Any, operation: str) -> None:
        spelt = json.dumps(part, sort_keys=True)
        self._parts[spelt] = part
        self._users[name][spelt].append(operation)

    def named(self) -> dict[str, Any]:
        """The parts by their names."""
        for name, users in self._users.items():
            first = {spelt: min(users[spelt], key=lambda user: (len(user), user)) for spelt in users}
            most, *others = sorted(users, key=lambda spelt: (-len(users[spelt]), first[spelt]))
            self._names[most] = name
            self._names |= {spelt: f"{name}.{first[spelt].removeprefix('list_')}" for spelt in others}
        return {name: self._parts[spelt] for spelt, name in self._names.items()}

    def reference(self, part: Any, kind: str) -> dict[str, str]:
        """What stands for a part in an operation."""
        return {"$ref": f"#/components/{kind}/{self._names[json.dumps(part, sort_keys=True)]}"}
