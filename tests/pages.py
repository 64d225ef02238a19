"""A report's page taken apart, for the tests of whatever makes one."""

import base64
import json
import zlib
from html.parser import HTMLParser


class Page(HTMLParser):
    """What a browser would make of the page: tags, attributes that point elsewhere, scripts and styles by id."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.texts, self.open, self.policy = [], [], {}, None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.links += [attrs[name] for name in ("src", "href", "action") if name in attrs]
        self.policy = attrs.get("content", self.policy) if "http-equiv" in attrs else self.policy
        if tag in ("script", "style"):
            self.open = attrs.get("id", tag)
            self.texts[self.open] = ""

    def handle_data(self, data):
        if self.open:
            self.texts[self.open] += data

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.open = None

    def report(self):
        return json.loads(self.texts["report"])

    def item(self, number):
        return json.loads(zlib.decompress(base64.b64decode(self.texts[f"item-{number}"])))
