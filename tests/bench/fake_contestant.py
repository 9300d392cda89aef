"""A contestant that knows what it is to find: it answers as bench/rivals/contestant.py does, or ends as it is told."""

import json
import sys


def main() -> None:
    kind = sys.argv[1]
    json.loads(sys.stdin.readline())
    if kind == "absent":
        sys.exit("ModuleNotFoundError: No module named 'dlib'")
    ms, first_face, named_after_s = {"quick": (10.0, 2, 1.0), "slow": (120.0, 5, 2.0)}.get(kind, (50.0, 0, None))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if kind == "crashes" and order["do"] == "look":
            sys.exit("Segmentation fault")
        match order["do"]:
            case "look":
                encoded = [number % 2 == 0 for number in order["frames"]]
                cost = [ms * (2 if each else 1) for each in encoded]
                said = {
                    "frames": [
                        [took, number >= first_face, None, each]
                        for number, took, each in zip(order["frames"], cost, encoded, strict=True)
                    ]
                }
            case "walk":
                said = {
                    "cpu_s": ms / 100,
                    "visit_cpu_s": ms / 50,
                    "named_s": named_after_s if order["employee"] != "1004" else None,
                    "looks": 10,
                    "wrong": int(kind == "slow"),
                }
            case "end":
                said = {"rss_mb": 100.0}
            case _:
                said = {}
        print(json.dumps(said), flush=True)


main()
