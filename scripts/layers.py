#!/usr/bin/env python3
"""Checks the includes of src/ against the dependencies that each room declares, and these against ARCHITECTURE.md.

  scripts/check layers

Rules:
  - A file belongs to the targets that list it, and to its directory's room or, if there is none, program.
  - What a file includes belongs to the file's own target or to one that this target names: by DEPENDS of crisp_room, or
    by target_link_libraries.
  - crisp_base and Abseil need not be named: they come along with every room. Generated messages bring what their headers
    include.
  - Every target that is named is included by some file.
  - Targets do not depend on each other in a cycle, and neither do the files of a room. A header and its .cc file count
    as one file.
  - A test may include whatever its program links. Only tests include headers of tests.
  - Helpers of tests that other rooms use are a library whose name ends in _testing. A test that includes one of its
    headers links it: TEST_DEPENDS of crisp_room names it.
  - The table "Rooms" in ARCHITECTURE.md has a row for each room. Its column "Uses" lists the rooms that the room names;
    remarks in parentheses are ignored. "base" is listed only where it is the only one. "all" allows anything.

Prints each violation as "file:line: what is wrong; what to do". The exit status is 1 if there is one.
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CMAKE_DIRS = ("api", "src", "tests")
SCOPES = ("INTERFACE", "PRIVATE", "PUBLIC")  # of target_sources and target_link_libraries
NOT_ROOMS = ("Abseil",)  # allowed in the column "Uses"

# The headers of each library, as patterns. A library that is not listed here cannot be named.
LIBRARIES = {
    "absl::core_headers": r"absl/base/",
    "absl::function_ref": r"absl/functional/function_ref\.h",
    "absl::span": r"absl/types/span\.h",
    "absl::status": r"absl/status/status\.h",
    "absl::statusor": r"absl/status/statusor\.h",
    "absl::strings": r"absl/strings/",
    "absl::symbolize": r"absl/debugging/symbolize\.h",
    "absl::time": r"absl/time/",
    "Boost::boost": r"boost/",
    "CLI11::CLI11": r"CLI/",
    "CURL::libcurl": r"curl/",
    "gRPC::grpc++": r"grpc(pp)?/",
    "GTest::gtest": r"gtest/",
    "GTest::gmock": r"gmock/",
    "nlohmann_json::nlohmann_json": r"nlohmann/",
    "OpenSSL::Crypto": r"openssl/(?!ssl\.h)",
    "OpenSSL::SSL": r"openssl/ssl\.h",
    "PkgConfig::ARCHIVE": r"archive(_entry)?\.h",
    "PkgConfig::ISAL": r"isa-l(/|\.h)",
    "PkgConfig::LIBNL": r"netlink/",
    "PkgConfig::SECCOMP": r"seccomp\.h",
    "PkgConfig::YAML": r"yaml\.h",
    "PkgConfig::ZSTD": r"zstd(_errors)?\.h",
    "prometheus-cpp::core": r"prometheus/",
    "protobuf::libprotobuf": r"google/protobuf/",
    "SQLite::SQLite3": r"sqlite3\.h",
    "tomlplusplus::tomlplusplus": r"toml\+\+/",
    "ZLIB::ZLIB": r"zlib\.h",
}
ALWAYS_ALLOWED = ("crisp_options", "Threads::Threads")  # compiler flags; the standard library

BREAK_CYCLE = "break the cycle, for example with a third file for what both need"

problems = []


def report(path, line, wrong, remedy):
    problems.append((str(path), line, f"{wrong}; {remedy}"))


# ---- CMakeLists.txt ----


class Target:
    """A library or program of a CMakeLists.txt."""

    def __init__(self, name, path, line, test=False, program=False):
        self.name, self.path, self.line, self.test, self.program = name, path, line, test, program
        self.directory = path.parent
        self.stems = set()  # of its files: paths in the checkout, without suffix
        self.named = {}  # target or library -> line
        self.generated = False

    @property
    def room(self):
        return room_of(self.directory)

    def list_files(self, files):
        for file in files:
            plain = re.sub(r"\$\{[A-Z_]*\}/?", "", file)
            self.stems.add(stem_of(normal(self.directory / plain)))


def normal(path):
    parts = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else parts + [part]
    return pathlib.PurePosixPath(*parts)


def stem_of(path):
    return re.sub(r"\.(cc|h)$", "", str(path))


def room_of(directory):
    """"os" of src/os and src/os/testing; "api/cri" outside of src."""
    parts = directory.parts
    if parts[0] != "src":
        return str(directory)
    return parts[1] if len(parts) > 1 else "main.cc"


def commands(path):
    """The commands of a CMakeLists.txt: name, line, and (word, line) of each argument."""
    text = re.sub(r"#[^\n]*", "", (ROOT / path).read_text())
    for match in re.finditer(r"^[ \t]*(\w+)[ \t]*\(", text, re.M):
        depth, end = 1, match.end()
        while depth > 0:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        body = text[match.end() : end - 1]
        line = text.count("\n", 0, match.end()) + 1
        words = [(w.group().strip('"'), line + body.count("\n", 0, w.start())) for w in re.finditer(r"\S+", body)]
        yield match.group(1), line, words


def expand(words, variables):
    for word, line in words:
        whole = re.fullmatch(r"\$\{(\w+)\}", word)
        if whole and whole.group(1) in variables:
            yield from expand(variables[whole.group(1)], variables)
        else:
            yield word, line


def sections(words, keywords):
    """The words after each keyword; "" for those before the first."""
    found, at = collections.defaultdict(list), ""
    for word, line in words:
        if word in keywords:
            at = word
        else:
            found[at].append((word, line))
    return found


class CMakeReader:
    """Collects the targets of one CMakeLists.txt after another."""

    def __init__(self):
        self.targets = {}
        self.path = None

    def read(self, path):
        self.path = path
        variables = {}
        for command, line, raw in commands(path):
            words = list(expand(raw, variables))
            if command == "set":
                variables[words[0][0]] = words[1:]
            elif hasattr(self, "on_" + command):
                getattr(self, "on_" + command)(words[0][0], line, words[1:])

    def add(self, name, line, files, named, **kind):
        target = self.targets[name] = Target(name, self.path, line, **kind)
        target.list_files(word for word, _ in files)
        target.named.update(named)

    def on_crisp_room(self, name, line, words):
        part = sections(words, ("SOURCES", "DEPENDS", "TESTS", "TEST_DEPENDS", "HEADERS", "APART"))
        self.add("crisp_" + name, line, part["SOURCES"], part["DEPENDS"])
        of_tests = part["DEPENDS"] + part["TEST_DEPENDS"] + [("crisp_" + name, line)]
        self.add(name + "_test", line, part["TESTS"], of_tests, test=True)

    def on_crisp_proto(self, name, line, words):
        part = sections(words, ("PROTOS", "ROOT", "IMPORTS", "DEPENDS", "SERVICES"))
        services = any(word == "SERVICES" for word, _ in words)
        library = "gRPC::grpc++" if services else "protobuf::libprotobuf"
        self.add("crisp_" + name, line, (), part["DEPENDS"] + [(library, line)])
        target = self.targets["crisp_" + name]
        target.generated = True
        root = "".join(word + "/" for word, _ in part["ROOT"])
        for file, _ in part["PROTOS"]:
            target.stems.add(root + file.removesuffix(".proto") + (".grpc.pb" if services else ".pb"))

    def on_crisp_test(self, name, line, words):
        part = sections(words, ("SOURCES", "DEPENDS", "LABELS", "TIMEOUT"))
        self.add(name, line, part["SOURCES"], part["DEPENDS"], test=True)

    on_crisp_fuzz = on_crisp_test

    def on_add_library(self, name, line, words, program=False):
        files = without(words, ("STATIC", "INTERFACE", "OBJECT", "EXCLUDE_FROM_ALL"))
        self.add(name, line, files, (), test=name.endswith(("_testing", "_bench")), program=program)

    def on_add_executable(self, name, line, words):
        self.on_add_library(name, line, words, program=True)

    def on_target_sources(self, name, _, words):
        if name in self.targets:
            self.targets[name].list_files(word for word, _ in without(words, SCOPES))

    def on_target_link_libraries(self, name, _, words):
        if name in self.targets:
            named = ((re.sub(r"^\$<TARGET_FILE:(\w+)>$", r"\1", word), line) for word, line in without(words, SCOPES))
            self.targets[name].named.update(named)


def without(words, keywords):
    return [word for word in words if word[0] not in keywords]


def read_targets():
    reader = CMakeReader()
    for directory in CMAKE_DIRS:
        for path in sorted((ROOT / directory).rglob("CMakeLists.txt")):
            reader.read(path.relative_to(ROOT))
    return reader.targets


# ---- sources ----


class Include:
    def __init__(self, name, line):
        self.name, self.line = name, line


def read_sources():
    """Path in the checkout -> its includes."""
    sources = {}
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".cc", ".h"):
            lines = path.read_text().splitlines()
            matches = ((i, re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', text)) for i, text in enumerate(lines, 1))
            sources[str(path.relative_to(ROOT))] = [Include(m.group(1), i) for i, m in matches if m]
    return sources


def is_test(path):
    name = path.rsplit("/", 1)[-1]
    return "/testing/" in path or name.startswith("test_") or bool(re.search(r"_(test|fuzz|bench)\.(cc|h)$", name))


class Tree:
    """The targets and the sources, and who owns what."""

    def __init__(self):
        self.targets = read_targets()
        self.sources = read_sources()
        self.owners = collections.defaultdict(set)
        for target in self.targets.values():
            for stem in target.stems:
                self.owners[stem].add(target.name)

    def owners_of(self, path):
        """The targets that the file belongs to."""
        listed = self.owners.get(stem_of(path), set())
        room = room_of(pathlib.PurePosixPath(path).parent)
        if path not in self.sources:
            return listed
        if is_test(path):
            return listed or {room + "_test"} & set(self.targets)
        return {name for name in listed if not self.targets[name].test} | self.main_of(room)

    def main_of(self, room):
        if "crisp_" + room in self.targets:
            return {"crisp_" + room}
        return {t.name for t in self.targets.values() if t.room == room and t.program and not t.test}

    def provider_of(self, include):
        """The targets or libraries that the header belongs to; none for a system header."""
        for path in ("src/" + include.name, include.name):
            if path in self.sources or stem_of(path) in self.owners:
                return self.owners_of(path)
        if (ROOT / include.name).is_file():  # outside of src, and not listed
            room = room_of(pathlib.PurePosixPath(include.name).parent)
            return {t.name for t in self.targets.values() if t.room == room and not t.test and not t.program}
        return {name for name, pattern in LIBRARIES.items() if re.match(pattern, include.name)}

    def comes_with(self, names):
        """The names, and what comes along with them."""
        found, todo = set(), list(names)
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            if name in self.targets and self.targets[name].generated:
                todo += self.targets[name].named
        if "crisp_base" in self.closure(names):
            found.add("crisp_base")
            found.update(name for name in LIBRARIES if name.startswith("absl::"))
        return found

    def closure(self, names):
        found, todo = set(), list(names)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.targets[name].named if name in self.targets else ()
        return found


# ---- the rules ----


def check_includes(tree):
    used = collections.defaultdict(set)  # target -> what its files include of others
    for path, includes in tree.sources.items():
        for include in includes:
            providers = tree.provider_of(include)
            if not providers:
                continue
            if is_test(path):
                check_test_include(tree, path, include, providers)
            else:
                check_include(tree, path, include, providers, used)
    return used


def check_test_include(tree, path, include, providers):
    programs = tree.owners_of(path)
    listed = tree.owners.get(stem_of("src/" + include.name), set())
    if programs & listed:
        return
    if is_test("src/" + include.name):
        providers = {name for name in listed if name.endswith("_testing")}
        if not providers:
            return
    if not providers & tree.closure(programs | {"GTest::gtest", "GTest::gmock"}):
        report(path, include.line, f'"{include.name}" belongs to {any_of(providers)}, which the test does not link',
               "name it in TEST_DEPENDS")


def check_include(tree, path, include, providers, used):
    if is_test("src/" + include.name) and "src/" + include.name in tree.sources:
        report(path, include.line, f'"{include.name}" is for tests', "include it in tests only")
        return
    for owner in sorted(tree.owners_of(path)):
        target = tree.targets[owner]
        used[owner] |= providers - {owner}
        if owner in providers or providers & tree.comes_with(target.named):
            continue
        report(path, include.line, f'"{include.name}" belongs to {any_of(providers)}, which {owner} does not name',
               f"add it to {owner} in {target.path}, or do without")


def any_of(names):
    return " or ".join(sorted(names))


def check_named(tree, used):
    for target in tree.targets.values():
        if target.test or target.generated or target.room.startswith(("tests", "api")):
            continue
        for name, line in target.named.items():
            if name in ALWAYS_ALLOWED:
                continue
            if name not in tree.targets and name not in LIBRARIES:
                report(target.path, line, f"{name} is unknown to scripts/layers.py", "add it to LIBRARIES there")
            elif not brings_any(tree, name, used[target.name]):
                report(target.path, line, f"{target.name} names {name}, and includes nothing of it", "remove it")


def brings_any(tree, name, used):
    brought = {name}
    if name in tree.targets and tree.targets[name].generated:
        brought |= tree.comes_with([name]) - {"crisp_base"}
    return bool(brought & used)


def check_target_cycles(tree):
    graph = {name: [n for n in target.named if n in tree.targets] for name, target in tree.targets.items()}
    for cycle in cycles(graph):
        first = tree.targets[cycle[0]]
        way = " -> ".join(cycle + cycle[:1])
        report(first.path, first.line, f"targets depend on each other ({way})", BREAK_CYCLE)


def check_file_cycles(tree):
    graph, where = collections.defaultdict(list), {}
    for path, includes in tree.sources.items():
        for include in includes:
            other = "src/" + include.name
            if other not in tree.sources or is_test(path) or is_test(other) or stem_of(other) == stem_of(path):
                continue
            if room_of(pathlib.PurePosixPath(path).parent) != room_of(pathlib.PurePosixPath(other).parent):
                continue
            graph[stem_of(path)].append(stem_of(other))
            where.setdefault((stem_of(path), stem_of(other)), (path, include.line))
    for cycle in cycles(graph):
        steps = [(*where[edge], edge[1]) for edge in zip(cycle, cycle[1:] + cycle[:1])]
        way = ", ".join(f"{path}:{line} includes {other}.h" for path, line, other in steps)
        report(*steps[0][:2], f"files of a room include each other ({way})", BREAK_CYCLE)


def cycles(graph):
    """A shortest cycle of each set of nodes that reach each other."""
    reach = {node: reachable(graph, node) for node in graph}
    seen = set()
    for node in sorted(graph):
        if node in seen or node not in reach[node]:
            continue
        seen |= {other for other in reach[node] if node in reach.get(other, ())}
        yield shortest_cycle(graph, node)


def reachable(graph, start):
    found, todo = set(), list(graph.get(start, ()))
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += graph.get(node, ())
    return found


def shortest_cycle(graph, start):
    before, todo = {}, collections.deque([start])
    while todo:
        node = todo.popleft()
        for other in graph.get(node, ()):
            if other == start:
                way = [node]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return way[::-1]
            if other not in before:
                before[other] = node
                todo.append(other)
    raise AssertionError(f"{start} is on no cycle")


def check_table(tree):
    rows = read_table()
    for room, uses in sorted(uses_of_rooms(tree).items()):
        row = "src/" + room
        if row not in rows:
            report("ARCHITECTURE.md", 1, f'the table "Rooms" has no row for {row}', "add it")
            continue
        line, written = rows[row]
        if "all" in written:
            continue
        expected = uses - {"base"} or uses
        if written - set(NOT_ROOMS) != expected:
            report("ARCHITECTURE.md", line, f"{row} uses {', '.join(sorted(written)) or 'nothing'} here, and in its "
                   f"CMakeLists.txt {', '.join(sorted(expected)) or 'nothing'}", "make them the same")
    for row, (line, _) in rows.items():
        if row.startswith("src/") and not (ROOT / row).exists():
            report("ARCHITECTURE.md", line, f"{row} does not exist", "remove the row")


def uses_of_rooms(tree):
    uses = collections.defaultdict(set)
    for target in tree.targets.values():
        if target.test or target.directory.parts[0] != "src":
            continue
        rooms = {tree.targets[name].room for name in target.named if name in tree.targets}
        uses[target.room] |= rooms - {target.room}
    return uses


def read_table():
    """Row -> its line, and the rooms in its column "Uses"."""
    rows = {}
    for number, text in enumerate((ROOT / "ARCHITECTURE.md").read_text().splitlines(), 1):
        cells = [cell.strip() for cell in text.split("|")[1:-1]]
        if len(cells) == 3 and cells[0].startswith("`"):
            uses = re.sub(r"\([^)]*\)", "", cells[2])
            rows[cells[0].strip("`")] = number, {name.strip(" `") for name in uses.split(",") if name.strip()}
    return rows


def main():
    tree = Tree()
    used = check_includes(tree)
    check_named(tree, used)
    check_target_cycles(tree)
    check_file_cycles(tree)
    check_table(tree)
    for path, line, text in sorted(problems):
        print(f"{path}:{line}: {text}")
    if problems:
        print(f"{len(problems)} violations of the layers", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
