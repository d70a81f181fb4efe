#include "domain/interval.hpp"

#include <catch2/catch.hpp>

using namespace swarm::analyst::domain;

TEST_CASE("intervals are those of the papers", "[interval]") {
  // Newcombe 1998 (Statistics in Medicine 17:857), 81 of 263: .2553 to .3662; and 17:873, 56/70 − 48/80: .0524 to .3339.
  const auto share = wilson({81, 263});
  CHECK(share.low == Approx(.2553).margin(1e-4));
  CHECK(share.high == Approx(.3662).margin(1e-4));
  const auto gap = difference({56, 70}, {48, 80});
  CHECK(gap.value == Approx(.2));
  CHECK(gap.low == Approx(.0524).margin(1e-4));
  CHECK(gap.high == Approx(.3339).margin(1e-4));
}

TEST_CASE("little evidence gives wide intervals and none the widest", "[interval]") {
  CHECK(wilson({0, 10}).low == 0);
  CHECK(wilson({0, 10}).high == Approx(.2775).margin(1e-3));
  CHECK(difference({0, 0}, {5, 10}).low == -1);
  CHECK(difference({0, 0}, {5, 10}).high == 1);
  CHECK(difference({5, 10}, {5, 10}).low < 0);
}
