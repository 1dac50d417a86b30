"""A page with a flame graph, in one file that needs nothing else."""

import html
import json
import pkgutil

from heap_profile.samples import VALUES

_TITLES = {"inuse_space": "bytes alive", "inuse_objects": "blocks alive", "alloc_space": "bytes allocated",
           "alloc_objects": "blocks allocated"}
# What is narrower than this share is not drawn by any screen.
_LEAST_SHARE = 1 / 20000


class _Node:
    def __init__(self):
        self.values = [0] * len(VALUES)
        self.children = {}


def _tree(profile):
    root = _Node()
    for stack in profile.stacks:
        node = root
        path = [node]
        for name in reversed(profile.names(stack)):
            node = node.children.setdefault(name, _Node())
            path.append(node)
        for node in path:
            node.values = [a + b for a, b in zip(node.values, stack.values)]
    return root


def _plain(name, node, least):
    children = [_plain(child_name, child, least) for child_name, child in sorted(node.children.items())
                if any(value > limit for value, limit in zip(child.values, least))]
    return {"n": name, "v": node.values, "c": children}


def _resource(name):
    return pkgutil.get_data("heap_profile", name).decode()


def page(profile, title):
    root = _tree(profile)
    data = _plain("all", root, [value * _LEAST_SHARE for value in root.values])
    # Inside of a script element, nothing may look like its end.
    text = json.dumps({"values": [[name, _TITLES[name], unit] for name, unit in VALUES], "root": data},
                      separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    escaped = html.escape(title)
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escaped}</title>\n'
            f"<style>\n{_resource('flame.css')}</style>\n</head>\n<body>\n<h1>{escaped}</h1>\n"
            '<p id="controls"></p>\n<p id="detail">&#160;</p>\n<div id="graph"></div>\n'
            f'<script type="application/json" id="data">{text}</script>\n<script>\n{_resource("flame.js")}</script>\n'
            "</body>\n</html>\n")
