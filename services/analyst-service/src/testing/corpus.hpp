#pragma once

#include <random>
#include <string>
#include <vector>

namespace swarm::analyst::testing {

/// One labelled failure. Rows with a label that begins with "oneoff" must stay alone.
struct Row {
  std::string label, role, stack, log;
};

/// Failures in the manner of the tools, with names, values, paths, numbers and surroundings drawn anew for each row.
/// Deterministic for a seed.
inline std::vector<Row> make_rows(std::size_t count, std::uint64_t seed) {
  struct Sample {
    const char* label;
    const char* stack;
    const char* log;  // %k name, %v value, %c class, %f function, %p path, %n number
  };
  static constexpr Sample samples[] = {
      {"py/none", "python", "Traceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in <module>\n    %f()\n  File \"%p/src/%k.py\", line %n, in %f\n    return x.%k\n           ^^^^\nAttributeError: 'NoneType' object has no attribute '%k'"},
      {"py/instance", "python", "Traceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in %f\n    return %c().%k\nAttributeError: '%c' object has no attribute '%k'"},
      {"py/key", "python", "Traceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in %f\n    return row['%k']\nKeyError: '%k'"},
      {"py/environ", "python", "Traceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in %f\n    return os.environ['%k']\n  File \"<frozen os>\", line 679, in __getitem__\nKeyError: '%k'"},
      {"py/dates", "python", "Traceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in %f\n    if a < b:\nTypeError: can't compare offset-naive and offset-aware datetimes"},
      {"py/chain", "python", "Traceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in %f\n    int('%v')\nValueError: invalid literal for int() with base 10: '%v'\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"%p/src/%k.py\", line %n, in %f\n    raise ConfigError('bad') from e\nConfigError: bad"},
      {"pytest/eq", "python", "=== test session starts ===\ncollected 1 item\n\n____ test_%f ____\n\n>       assert %f(1) == %n\nE       assert %n == %n\nE        +  where %n = %f(1)\n\ntests/test_%k.py:%n: AssertionError\n=== 1 failed in 0.03s ==="},
      {"rust/moved", "rust", "error[E0382]: borrow of moved value: `%k`\n  --> src/%k.rs:%n:22\n   |\n%n |     println!(\"{:?}\", %k);\n   |                      ^^^^ value borrowed here after move\n\nerror: aborting due to 1 previous error"},
      {"rust/overflow", "rust", "thread 'main' (%n) panicked at src/%k.rs:%n:37:\nattempt to subtract with overflow\nnote: run with `RUST_BACKTRACE=1`"},
      {"rust/unwrap", "rust", "thread 'main' (%n) panicked at src/%k.rs:%n:37:\ncalled `Option::unwrap()` on a `None` value"},
      {"ts/property", "typescript", "src/%k.ts:%n:12 - error TS2339: Property '%k' does not exist on type '%c'.\n\n%n   return x.%k;\n              ~~~~\n\n\nFound 1 error in src/%k.ts:%n"},
      {"ts/property", "typescript", "src/%k.ts(%n,12): error TS2339: Property '%k' does not exist on type '%c'."},
      {"node/undefined", "javascript", "%p/src/%k.js:%n\n  return row.%k.length;\n             ^\n\nTypeError: Cannot read properties of undefined (reading 'length')\n    at %f (%p/src/%k.js:%n:28)\n    at node:internal/main/run_main_module:28:49\n\nNode.js v20.20.2"},
      {"node/function", "javascript", "%p/src/%k.js:%n\n  return row.%k();\n\nTypeError: row.%k is not a function\n    at %f (%p/src/%k.js:%n:14)\n\nNode.js v20.20.2"},
      {"jest/equal", "javascript", "FAIL tests/%k.test.js\n  \xe2\x97\x8f %f returns %k\n\n    expect(received).toBe(expected) // Object.is equality\n\n    Expected: %n\n    Received: %n\n\n      at Object.toBe (tests/%k.test.js:%n:20)"},
      {"eslint/unused", "javascript", "%p/src/%k.js\n  %n:7  error  '%k' is assigned a value but never used  no-unused-vars\n\n\xe2\x9c\x96 1 problem (1 error, 0 warnings)"},
      {"npm/missing", "javascript", "npm error Missing script: \"%k\"\nnpm error\nnpm error To see a list of scripts, run:\nnpm error   npm run"},
      {"godot/nil", "godot", "Godot Engine v3.2.3.stable\nERROR: set_locale: Unsupported locale 'C', falling back to 'en'.\n   At: core/translation.cpp:969.\nSCRIPT ERROR: %f: Invalid set index 'visible' (on base: 'Nil') with value of type 'bool'.\n   At: res://%k.gd:%n."},
      {"go/nil", "go", "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f5a%n]\n\ngoroutine 1 [running]:\nmain.%f(...)\n\t%p/%k.go:%n\nmain.main()\n\t%p/main.go:%n +0x1d\nexit status 2"},
      {"go/undefined", "go", "# example.org/%k\n./%k.go:%n:9: undefined: %f"},
      {"java/null", "java", "Exception in thread \"main\" java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"<local1>\" is null\n\tat %c.%f(%c.java:%n)\n\tat Main.main(Main.java:%n)"},
      {"c/undeclared", "c", "src/%k.c: In function '%f':\nsrc/%k.c:%n:10: error: '%k' undeclared (first use in this function)\n   %n |   return %k;\n      |          ^~~~"},
      {"c/link", "c", "/usr/bin/ld: /tmp/cc%n.o: in function `main':\n%k.c:(.text+0x9): undefined reference to `%f'\ncollect2: error: ld returned 1 exit status"},
      {"git/pathspec", "git", "error: pathspec '%k' did not match any file(s) known to git"},
      {"sh/command", "shell", "./%k.sh: line %n: %f: command not found"},
  };
  static constexpr const char* verbs[] = {"fetch", "load", "merge", "apply", "render", "sync", "decode", "rotate"};
  static constexpr const char* nouns[] = {"order", "parcel", "meter", "folder", "ticket", "signal", "branch", "window"};
  static constexpr const char* words[] = {"amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heath", "iris", "jade", "kelp", "larch", "moss", "north"};
  std::mt19937_64 random(seed);
  const auto pick = [&](const auto& list) { return std::string(list[random() % std::size(list)]); };
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 50 == 0) {
      std::string text = "TypeError: ";
      for (int w = 0; w < 6; ++w) text += pick(words) + " ";
      rows.push_back({"oneoff/" + std::to_string(i), "Coder", "python", text + "while " + pick(verbs) + "ing row " + std::string(1, static_cast<char>('a' + i % 26)) + pick(words)});
      continue;
    }
    const auto& sample = samples[random() % std::size(samples)];
    std::string log;
    const std::string path = "/srv/run-" + std::to_string(random() % 10000) + "/repo";
    const std::string name = pick(nouns) + "_" + pick(nouns), function = pick(verbs) + "_" + pick(nouns);
    std::string type = pick(nouns) + "Panel";
    type[0] = static_cast<char>(type[0] - 32);
    for (const char* c = sample.log; *c != '\0'; ++c) {
      if (*c != '%') log += *c;
      else switch (*++c) {
        case 'k': log += name; break;
        case 'v': log += pick(nouns) + "-" + std::to_string(random() % 1000); break;
        case 'c': log += type; break;
        case 'f': log += function; break;
        case 'p': log += path; break;
        default: log += std::to_string(10 + random() % 5000);
      }
    }
    switch (random() % 8) {
      case 0: log = "2026-03-04T05:06:07.890Z ERROR [agent-" + std::to_string(random() % 64) + "] task 77 failed\n" + log; break;
      case 1: log += "\nexit status 1 after 3.25s (pid " + std::to_string(random() % 9999) + ")"; break;
      case 2: {
        std::string crlf;
        for (const char c : log) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
        log = crlf;
        break;
      }
      case 3: log = "\x1b[31m" + log + "\x1b[0m"; break;
      default: break;
    }
    rows.push_back({sample.label, "Coder", sample.stack, log});
  }
  return rows;
}

}  // namespace swarm::analyst::testing
