#include <catch2/catch.hpp>
#include <sstream>

#include "output/format.hpp"
#include "output/printable.hpp"
#include "output/table.hpp"

using namespace swarm;
using namespace swarm::ctl;
using namespace std::chrono_literals;

TEST_CASE("text from elsewhere can't steer the terminal", "[output]") {
  CHECK(one_line("a\nb\tc\x1b[2J\x07") == "a b c\xef\xbf\xbd[2J\xef\xbf\xbd");
  CHECK(many_lines("a\r\n\tb\x1b") == "a\n\tb\xef\xbf\xbd");
  CHECK(one_line("\xff\xc3") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(one_line("\xe2\x80\xae" "evil") == "\xef\xbf\xbd" "evil");  // right-to-left override
  CHECK(one_line("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("widths count columns, not bytes", "[output]") {
  CHECK(display_width("gr\xc3\xbcn") == 4);
  CHECK(display_width("\xe6\x97\xa5\xe6\x9c\xac") == 4);      // two wide characters
  CHECK(display_width("e\xcc\x81") == 1);                     // combining accent
  CHECK(display_width("\xf0\x9f\x98\x80") == 2);
  CHECK(shorten("abcdef", 6) == "abcdef");
  CHECK(shorten("abcdef", 4) == "abc\xe2\x80\xa6");
  CHECK(shorten("\xe6\x97\xa5\xe6\x9c\xac", 3) == "\xe6\x97\xa5\xe2\x80\xa6");
  CHECK(shorten("abc", 0) == "");
}

TEST_CASE("a table is aligned, and only columns that may shrink do", "[output]") {
  Table table({{"ID"}, {"N", true}, {"TEXT", false, true}});
  table.add({"0123456789", "7", "a long description"});
  table.add({"x", "1234", ""});
  std::ostringstream wide;
  table.print(wide, {});
  CHECK(wide.str() ==
        "ID             N  TEXT\n"
        "0123456789     7  a long description\n"
        "x           1234\n");
  std::ostringstream narrow;
  table.print(narrow, {28, false});
  CHECK(narrow.str() ==
        "ID             N  TEXT\n"
        "0123456789     7  a long de\xe2\x80\xa6\n"
        "x           1234\n");
}

TEST_CASE("fields leave out what is empty and indent what has lines", "[output]") {
  std::ostringstream out;
  print_fields(out, {}, {{"id", "1"}, {"nothing", ""}, {"text", "a\nb\n"}, {"longer", "2"}});
  CHECK(out.str() == "id      1\ntext\n    a\n    b\nlonger  2\n");
}

TEST_CASE("colour is only for terminals", "[output]") {
  CHECK(styled("x", Style::Bad, {}) == "x");
  CHECK(styled("x", Style::Bad, {80, true}) == "\x1b[31mx\x1b[0m");
}

TEST_CASE("amounts and times are short and say enough", "[output]") {
  CHECK(dollars(0) == "$0.00");
  CHECK(dollars(12) == "$12.00");
  CHECK(dollars(0.5) == "$0.50");
  CHECK(dollars(0.000042) == "$0.000042");
  CHECK(dollars(0.0000000001) == "$0.00");
  CHECK(dollars(-1.005) == "-$1.00");
  CHECK(duration(0ms) == "0ms");
  CHECK(duration(1500ms) == "1.5s");
  CHECK(duration(2s) == "2s");
  CHECK(duration(310s) == "5m10s");
  CHECK(duration(3h + 20min) == "3h20m");
  const WallTime now(1'000'000s);
  CHECK(age(0, now) == "-");
  CHECK(age(unix_ms(now) - 5000, now) == "5s");
  CHECK(age(unix_ms(now) + 5000, now) == "0s");
  CHECK(age(unix_ms(now) - 3 * 86'400'000ll, now) == "3d");
  CHECK(utc(1'767'225'600'123) == "2026-01-01T00:00:00Z");
  CHECK(utc(0) == "");
}
