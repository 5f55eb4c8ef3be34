#!/usr/bin/env python3
"""A second reader of a reviewer's folder, written from report/FORMAT.md alone: `tests/folder.py FOLDER`.

From the signed checkpoint to each entry, from each entry to the report or statement behind it, from each report to the key that its
chain handed over. What it does not do: judge. Nothing but the standard library; its signatures are slow.
"""
import base64
import pathlib
import sys

from format import context, follows, need, open_note, open_report, root, run, sha256, taken_over


def main():
    folder = pathlib.Path(sys.argv[1])
    name, _, coded = (folder / "vkeys").read_text().split()[0].split("+", 2)
    octets = base64.b64decode(coded, validate=True)
    origin, size, root_ = open_note((folder / "checkpoint").read_bytes(), [(name, octets[0], octets[1:])]).splitlines()
    need(origin == name, "checkpoint: origin")
    ledger, generation = origin.split("/")[-2:]
    entries = list(bundles(folder, "tile/entries", int(size), 2))
    objects = list(bundles(folder, "objects", int(size), 4))
    need(base64.b64encode(root([sha256(b"\0", e) for e in entries])).decode() == root_, "entries: the root")
    need(len(entries) == len(objects) == int(size), "objects: as many as entries")

    chains, keys, stated, before = {}, {}, set(), 0
    for entry, octets in zip(entries, objects):
        need(entry[:20] == context("leaf") and len(entry) == 89, "entry: form")
        kind, sensor, received, object_ = entry[20], entry[21:37], int.from_bytes(entry[49:57], "big"), entry[57:]
        need(received >= before or generation != "1", "entry: it came before the one in front of it")
        before = received
        if kind == 1:
            need(sha256(octets) == object_, "report: its hash")
            place = (int.from_bytes(entry[37:41], "big"), int.from_bytes(entry[41:49], "big"))
            chains.setdefault(sensor, {})[place] = octets
            continue
        need(sha256(context("statement"), octets) == object_, "statement: its hash")
        said = dict(line.split(" ", 1) for line in reversed(octets.decode().splitlines()))
        need(said["at"] == str(received), "statement: when")
        if kind == 2 and "key" in said:
            keys[sensor] = bytes.fromhex(said["key"])
            need(sha256(context("sensor-id"), keys[sensor])[:16] == sensor, "statement: the sensor is not that of its key")
        if kind == 3:
            stated.add((sensor, bytes.fromhex(said["key"])))

    handed_over = set()
    for sensor, reports in chains.items():
        need(sensor in keys, "report: nobody let its sensor in")
        handed_over |= {(sensor, key) for key in chain(sensor, reports, keys[sensor], ledger)}
    need(stated == handed_over, "statement: keys that no chain handed over")
    print(f"folder: {size} entries, {sum(map(len, chains.values()))} reports in {len(chains)} chains, {len(handed_over)} new keys")


def bundles(folder, kind, size, width):
    """What stands behind lengths of so many octets, in all files of a kind."""
    for number in range(-(-size // 256)):
        parts = f"{number:03}" if number < 1000 else f"x{number // 1000:03}/{number % 1000:03}"
        left = size - number * 256
        octets = (folder / kind / (parts if left >= 256 else f"{parts}.p/{left}")).read_bytes()
        while octets:
            n = int.from_bytes(octets[:width], "big")
            need(len(octets) >= width + n, f"{kind}: cut")
            yield octets[width:width + n]
            octets = octets[width + n:]


def chain(sensor, reports, key, ledger):
    """The keys that a chain handed over, if each report follows; a hole needs a `Gap`, later on, that tells of it."""
    head, new_keys, key_no, opened = None, [], 0, {}
    for place, octets in sorted(reports.items()):
        header, content, hash_ = open_report(octets, key)
        need(header["key_no"] == key_no, "chain: key")
        need(header["sensor"] == f"SensorId({sensor.hex()})" and header["ledger"] == f"LedgerId({ledger})", "report: whose")
        need((header["place"]["epoch"], header["place"]["seq"]) == place, "report: place")
        opened[place] = (header, content, hash_)
        if header["kind"] == "KeyRotation":
            key, key_no = taken_over(header, content, key), key_no + 1
            new_keys.append(key)
    gaps = [content for _, content, _ in opened.values() if content is not None and content.name == "Gap"]
    for place, (header, content, hash_) in sorted(opened.items()):
        if head and place[0] > head[0][0]:
            need(place[1] == 0 and header["kind"] == "EpochStart", "chain: an epoch begins")
            head = (place, hash_, *head[2:])
            continue
        if head and place[1] > head[0][1] + 1:
            leads = [g for g in gaps if g["epoch"] == place[0] and g["from"] <= head[0][1] + 1 and g["to"] == place[1] - 1]
            need(leads, "chain: reports are missing")
            head = ((place[0], leads[0]["to"]), leads[0]["last"], *head[2:])
        head = follows(head, header, content, hash_)
        if header["kind"] == "KeyRotation":
            head = (*head[:2], head[2] + 1, None)
    return new_keys


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run(main)
