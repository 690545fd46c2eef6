"""Reads JUnit XML as viewers do, and holds it to the rules they share. Prints what it holds as JSON."""

import json
import sys
import xml.etree.ElementTree as ElementTree

root = ElementTree.parse(sys.stdin.buffer).getroot()
assert root.tag == "testsuites", root.tag
assert root.attrib["tests"] != "0"
suites = list(root)
assert [suite.tag for suite in suites] == ["testsuite"]
(suite,) = suites
cases = suite.findall("testcase")
assert suite.attrib["name"] and cases, "an empty suite says nothing"
order = [child.tag for child in suite]
assert order == sorted(order, key=["properties", "testcase"].index), order
for name in ("tests", "failures", "errors", "skipped"):
    tag = {"tests": None, "failures": "failure", "errors": "error", "skipped": "skipped"}[name]
    counted = sum(1 for case in cases if tag is None or case.find(tag) is not None)
    assert suite.attrib[name] == root.attrib[name] == str(counted), name
told = []
for case in cases:
    assert case.attrib["name"] and case.attrib["classname"], case.attrib
    assert set(case.attrib) <= {"name", "classname", "time"}, case.attrib
    ends = [child for child in case if child.tag in ("failure", "error", "skipped")]
    assert len(ends) <= 1
    assert {child.tag for child in case} <= {"failure", "error", "skipped", "system-out"}
    for end in ends:
        assert set(end.attrib) == {"message", "type"} and end.attrib["message"]
    shown = ends[0] if ends else None
    told.append(
        [
            case.attrib["name"],
            shown.tag if ends else "pass",
            shown.attrib["message"] if ends else "",
            case.attrib["classname"],
        ]
    )
names = [name for name, *_ in told]
assert len(names) == len(set(names)), names
properties = {p.attrib["name"]: p.attrib["value"] for p in suite.find("properties")}
json.dump({"cases": told, "properties": properties}, sys.stdout)
