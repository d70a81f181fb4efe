#include "domain/machine_check.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "domain/rule_check.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

RE2::Options check_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  return options;
}

constexpr std::size_t kCheckWordMin = 4;

// What a check of one mistake must not fit: the everyday parts of programs, build files and prose.
constexpr std::array<std::string_view, 9> kOrdinaryWork = {
R"work(#!/usr/bin/env python3
"""Doc."""
from __future__ import annotations
import os, sys, json, re, time, logging, datetime as dt
from pathlib import Path
from typing import Any, Optional

class Thing(Base):
    def __init__(self, name: str = "x", *args, **kwargs) -> None:
        self.name = name

@pytest.fixture
def test_it(tmp_path):
    with open(tmp_path / 'a.txt', encoding="utf-8") as f:
        data = json.loads(f.read())
    for i, (k, v) in enumerate(sorted(data.items())):
        if v is None or not k in data:
            raise ValueError(f"bad {k!r}")
        elif v == 1 and i != 2:
            continue
    try:
        x = [a.get(b, 0) for a in data if a]
    except (KeyError, TypeError) as e:
        logging.exception("failed: %s", e)
        return None
    finally:
        pass
    assert len(x) == 3
    print("ok", x[0], x[-1], datetime.now(timezone.utc), dict(a=1), lambda q: q + 1)
    yield x

async def main():
    await asyncio.sleep(0)

if __name__ == "__main__":
    main()
)work",
R"work(import React, { useState, useEffect } from 'react';
const fs = require('fs');
export default function App({ items = [] }: Props): JSX.Element {
  const [state, setState] = useState<string | null>(null);
  useEffect(() => { fetch('/api').then((r) => r.json()).catch(console.error); }, []);
  let n = 0; var t = undefined;
  if (state === null || n !== 1) { return <div className="a">{items.map((i) => <li key={i.id}>{i.name}</li>)}</div>; }
  try { JSON.parse(state); } catch (err) { throw new Error(`bad ${err}`); }
  return null;
}
export interface Props { items?: Item[]; }
module.exports = { App };
describe('app', () => { it('works', async () => { expect(await run()).toBe(true); }); });
async function run() { for (const x of [1, 2]) { await x; } return true; }
)work",
R"work(use std::collections::HashMap;
#[derive(Debug, Clone)]
pub struct Point { pub x: i32 }
impl Point { pub fn new(x: i32) -> Self { Self { x } } }
fn main() -> Result<(), Box<dyn Error>> {
    let mut v: Vec<String> = Vec::new();
    v.push("a".to_string());
    let m = HashMap::new();
    match v.get(0) { Some(s) => println!("{}", s), None => {} }
    for i in 0..10 { if i % 2 == 0 { continue; } }
    let n: usize = v.len().unwrap_or(0);
    Ok(())
}
#[cfg(test)]
mod tests { use super::*; #[test] fn t() { assert_eq!(Point::new(1).x, 1); let a = Some(1).unwrap(); } }
)work",
R"work(package main

import (
	"fmt"
	"errors"
)

type T struct { Name string `json:"name"` }

func (t *T) Run(ctx context.Context) error {
	if err := do(); err != nil {
		return fmt.Errorf("x: %w", err)
	}
	m := make(map[string]int)
	for k, v := range m { fmt.Println(k, v) }
	defer close(ch)
	go func() { ch <- 1 }()
	return nil
}

func TestRun(t *testing.T) { if got != want { t.Fatalf("got %v", got) } }
)work",
R"work(package com.example.app;
import java.util.*;
public final class Main implements Runnable {
  private static final String NAME = "x";
  @Override public void run() { try { List<String> l = new ArrayList<>(); for (String s : l) { System.out.println(s); } } catch (Exception e) { throw new IllegalStateException("bad", e); } }
  public static void main(String[] args) { new Main().run(); }
  @Test void test() { assertEquals(1, 1); }
}
)work",
R"work(#include <stdio.h>
#include <string>
#include <vector>
#define MAX 10
namespace a { class B { public: virtual ~B() = default; int f() const; private: int x_ = 0; }; }
static int g(const char *s, int n) { if (s == NULL) return -1; for (int i = 0; i < n; ++i) { printf("%d\n", i); } return 0; }
int main(int argc, char **argv) { std::vector<int> v; auto p = std::make_unique<int>(1); switch (argc) { case 1: break; default: ; } while (0) {} struct S s = {0}; char *b = malloc(4); free(b); return 0; }
)work",
R"work(extends Node2D
class_name Player
@export var speed: float = 1.0
onready var sprite = $Sprite
signal died
func _ready():
	pass
func _process(delta):
	if Input.is_action_pressed("ui_right"):
		position.x += speed * delta
)work",
R"work(#!/bin/sh
set -eu
name=${1:-x}
if [ -f "$name" ]; then
  echo "found" | grep -q o && exit 0
fi
for f in *.txt; do cat "$f"; done
all: build test
	gcc -o a a.c
FROM debian:12
RUN apt-get update && apt-get install -y git
name: ci
on: [push]
jobs:
  test:
    runs-on: ubuntu
    steps:
      - uses: checkout
{"name": "app", "version": "1.0.0", "scripts": {"test": "jest"}, "dependencies": {}}
[package]
name = "app"
[dependencies]
SELECT id, name FROM users WHERE id = 1 ORDER BY name;
<html><head><title>x</title></head><body class="a"><p>Hi</p></body></html>
)work",
R"work(# Title

This change adds the missing function and its tests. All tests pass now; the function returns an error when the input is empty.
- done: see README.md, line 12
diff --git a/src/app.py b/src/app.py
index 1a2b3c4..5d6e7f8 100644
--- a/src/app.py
+++ b/src/app.py
@@ -1,3 +1,4 @@
-old
+new
def add(a, b):
    return a + b
1 passed in 0.01s
2026-01-01T00:00:00Z http://example.com/ user@example.com success completed result true false
)work"};

// The longest run of letters, digits and '_' that a match must hold somewhere, roughly: classes, escapes and counts are left out.
std::size_t longest_word(std::string_view pattern) {
  std::size_t longest = 0, run = 0;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (is_word(c) && c != '$') {
      longest = std::max(longest, ++run);
      continue;
    }
    run = 0;
    if (c == '\\') ++at;
    else if (c == '[' || c == '{') at = std::min(pattern.find(c == '[' ? ']' : '}', at + 2), pattern.size() - 1);
  }
  return longest;
}

}  // namespace

std::string fault_of_pattern(std::string_view pattern) {
  if (pattern.size() > 200) return "longer than 200 bytes";
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), check_options());
  if (!compiled.ok()) return compiled.error();
  return RE2::PartialMatch("", compiled) ? "matches the empty text" : "";
}

std::string fault_of_unseen_pattern(std::string_view pattern) {
  if (auto fault = fault_of_pattern(pattern); !fault.empty()) return fault;
  if (printable(pattern, pattern.size()) != pattern) return "not one line of printable text";
  if (longest_word(pattern) < kCheckWordMin) return "names too little to tell a mistake";
  return fits_ordinary_work(pattern) ? "fits ordinary work" : "";
}

bool fits_ordinary_work(std::string_view pattern) {
  return std::any_of(kOrdinaryWork.begin(), kOrdinaryWork.end(), [&](std::string_view text) { return found_in(pattern, text); });
}

bool found_in(std::string_view pattern, std::string_view text) {
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), check_options());
  return compiled.ok() && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled);
}

}  // namespace swarm::analyst::domain
