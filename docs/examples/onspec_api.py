#!/usr/bin/env python3
"""The API of onspec from Python, with the standard library alone (3.9 and later).

Copy what you need: `Onspec` is the whole client, the functions below show what to do with it.

    export ONSPEC_URL=http://127.0.0.1:8080
    python3 onspec_api.py lines
    python3 onspec_api.py verdict tm3
    python3 onspec_api.py batches --line tm3 --verdict off-spec
    python3 onspec_api.py lab tm3 TM3-260123-014 tensile_md 113.4 --unit N/m
    python3 onspec_api.py acknowledge tm3/batch --by "shift A" --note "on my way"
    python3 onspec_api.py follow --types batch,sensor --place seen.txt
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class Problem(Exception):
    """An error of the API: `application/problem+json`, RFC 9457.

    `type` is what a program goes by, such as `/problems/not-found`; `detail` is a sentence for people.
    """

    def __init__(self, status, headers, body):
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        self.status = status
        self.type = said.get("type", "about:blank")
        self.detail = said.get("detail", body.decode("utf-8", "replace"))
        self.parameter = said.get("parameter")
        # What says so may be asked again after that many seconds.
        self.retry_after = float(headers.get("Retry-After", 0)) or None
        super().__init__(f"{status} {self.type}: {self.detail}")


class Onspec:
    """What onspec is asked through."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.known = {}  # URL -> (ETag, document): what has not changed is not sent again.

    def address(self, *parts, **query):
        """The address of a path below `/api/v1`: names may hold any character."""
        path = "/".join(urllib.parse.quote(str(part), safe="") for part in parts)
        query = {name: value for name, value in query.items() if value is not None}
        return f"{self.url}/api/v1/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")

    def get(self, *parts, **query):
        """A document."""
        url = self.address(*parts, **query)
        etag, document = self.known.get(url, (None, None))
        request = urllib.request.Request(url, headers={"If-None-Match": etag} if etag else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                document = json.load(answer)
                if answer.headers["ETag"]:
                    self.known[url] = (answer.headers["ETag"], document)
        except urllib.error.HTTPError as error:
            if error.code != 304:
                raise Problem(error.code, error.headers, error.read()) from None
        return document

    def pieces(self, name, *parts, **query):
        """All entries of a list, whatever its length: `next` is where the next piece begins."""
        cursor = None
        while True:
            document = self.get(*parts, cursor=cursor, **query)
            yield from document[name]
            cursor = document["next"]
            if cursor is None:
                return

    def post(self, *parts, body):
        """Tells something; the answer comes when it is on disk."""
        request = urllib.request.Request(
            self.address(*parts),
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Problem(error.code, error.headers, error.read()) from None

    def events(self, after=None, **query):
        """Every event, for ever: number, type, document.

        When the connection breaks, or onspec restarts, it goes on behind the last number: no event is missing and none
        comes twice. What onspec does not keep any more comes as an event `gap`. In between comes (number, None, None), to be
        noted: up to there nothing else was wanted.
        """
        while True:
            try:
                request = urllib.request.Request(self.address("events", **query))
                if after is not None:
                    request.add_header("Last-Event-ID", str(after))
                # `alive` comes every five seconds: a silence of fifteen is a dead connection.
                with urllib.request.urlopen(request, timeout=15) as stream:
                    for number, kind, document in self._parse(stream):
                        after = after if number is None else number
                        if kind not in ("alive", "lines"):
                            yield after, kind, document
                        elif number is not None:
                            yield after, None, None
            except urllib.error.HTTPError as error:
                problem = Problem(error.code, error.headers, error.read())
                if problem.retry_after is None:
                    raise problem from None
                time.sleep(problem.retry_after)
            except (OSError, http.client.HTTPException):
                time.sleep(1)

    @staticmethod
    def _parse(stream):
        """The events of a stream, as the standard for server-sent events has them."""
        number, kind, data = None, "message", []
        for line in stream:
            name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "id":
                number = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif not name and data:
                yield number, kind, json.loads("\n".join(data))
                number, kind, data = None, "message", []


def lines(onspec, asked):
    """What is being made, and whether it is good."""
    for line in onspec.get("lines")["lines"]:
        chance = line["probability_off_spec"]
        chance = "" if chance is None else f", {chance:.0%} likely to end off spec"
        print(f"{line['line']}: {line['verdict']}, batch {line['batch']}{chance}")


def verdict(onspec, asked):
    """Why."""
    document = onspec.get("lines", asked.line, "verdict")
    print(f"{document['batch']}: {document['verdict']}")
    for reason in document["reasons"]:
        print(f"  {json.dumps(reason)}")


def batches(onspec, asked):
    """Batches, the newest first."""
    found = onspec.pieces(
        "batches", "batches", line=asked.line, verdict=asked.verdict, to=asked.to, limit=asked.limit
    )
    for batch in found:
        print(f"{batch['line']} {batch['batch']} {batch['verdict']} {batch['disposition']}")


def lab(onspec, asked):
    """A laboratory result."""
    result = {"property": asked.property, "value": asked.value}
    if asked.unit:
        result["unit"] = asked.unit
    said = onspec.post("batches", asked.line, asked.batch, "lab", body=result)
    print("taken" if said["on_disk"] else "taken once the store has room")
    for fault in said["faults"]:
        print(f"  but: {fault}")


def acknowledge(onspec, asked):
    """Somebody looks after an alarm."""
    body = {"alarm": asked.alarm, "by": asked.by}
    if asked.note:
        body["note"] = asked.note
    said = onspec.post("alarms", "acknowledge", body=body)
    print(f"{said['alarm']}: {said['isa_state']}")


def follow(onspec, asked):
    """Every event; with a place, also over restarts of this program."""
    after = None
    if asked.place and os.path.exists(asked.place):
        with open(asked.place, encoding="utf-8") as place:
            after = int(place.read())
    count = 0
    for number, kind, document in onspec.events(after, types=asked.types, line=asked.line):
        if kind == "gap":
            print(f"{number} gap: {document['from']} to {document['to']} are missing", flush=True)
        elif kind is not None:
            data = document["data"]
            print(f"{number} {kind} {data.get('line', '')} {data['title']}", flush=True)
            count += 1
        if asked.place and number is not None:
            # Noted when it is done: who dies in between does it again. Written beside it first: one of both is always there.
            with open(asked.place + ".new", "w", encoding="utf-8") as place:
                place.write(str(number))
            os.replace(asked.place + ".new", asked.place)
        if count == asked.count:
            return


def main():
    parser = argparse.ArgumentParser(description="Asks the API of onspec.")
    url = os.environ.get("ONSPEC_URL", "http://127.0.0.1:8080")
    parser.add_argument("--url", default=url, help="where onspec listens (ONSPEC_URL)")
    commands = parser.add_subparsers(required=True)

    def command(what):
        one = commands.add_parser(what.__name__, help=what.__doc__)
        one.set_defaults(what=what)
        return one

    command(lines)
    command(verdict).add_argument("line")
    one = command(batches)
    one.add_argument("--line")
    one.add_argument("--verdict", choices=["on-spec", "at-risk", "off-spec", "unknown", "void"])
    one.add_argument("--to", help="begun before, e.g. 2026-01-23T06:00:00Z")
    one.add_argument("--limit", type=int, default=100, help="batches in one piece")
    one = command(lab)
    one.add_argument("line")
    one.add_argument("batch")
    one.add_argument("property")
    one.add_argument("value", type=float)
    one.add_argument("--unit")
    one = command(acknowledge)
    one.add_argument("alarm")
    one.add_argument("--by", required=True)
    one.add_argument("--note")
    one = command(follow)
    one.add_argument("--types", help="e.g. batch,sensor.unhealthy")
    one.add_argument("--line")
    one.add_argument("--place", help="a file that remembers the last number")
    one.add_argument("--count", type=int, help="end after so many")
    asked = parser.parse_args()
    try:
        asked.what(Onspec(asked.url), asked)
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except urllib.error.URLError as error:
        sys.exit(f"error: nobody answers at {asked.url}: {error.reason}")


if __name__ == "__main__":
    main()
