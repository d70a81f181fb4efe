#include "application/added_lines.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

namespace {

constexpr std::string_view kDiff =
    "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,4 @@\n import os\n-eval(x)\n+\n+ast.parse(x)\n++counter\n+last";

}  // namespace

TEST_CASE("of a change only what it adds is looked at, wherever its pieces begin", "[added_lines]") {
  CHECK(is_unified_diff(kDiff));
  for (std::size_t piece = 1; piece < kDiff.size(); ++piece) {
    AddedLines filter;
    std::string added;
    for (std::size_t at = 0; at < kDiff.size(); at += piece) added += filter.take(kDiff.substr(at, piece));
    REQUIRE(added == "\nast.parse(x)\n+counter\nlast");
  }
}

TEST_CASE("a program is no change", "[added_lines]") {
  CHECK_FALSE(is_unified_diff("x = 1\n+++ y\n--- z\n"));
  CHECK_FALSE(is_unified_diff(""));
  CHECK_FALSE(is_unified_diff("@@ decorator\n"));
  CHECK(is_unified_diff("@@ -1 +1 @@\n-a\n+b"));
}
