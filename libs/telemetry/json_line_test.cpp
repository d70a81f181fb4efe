#include "libs/telemetry/json_line.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <limits>
#include <random>

using namespace swarm;

namespace {

boost::json::object line(std::string_view message, log::Fields fields = {}, const trace::Context* trace = nullptr) {
  const std::string text = log::json_line(WallTime(), log::Level::Info, "svc", message, fields, trace);
  CHECK(text.find('\n') == std::string::npos);
  return boost::json::parse(text).as_object();
}

std::string quoted(std::string_view text, std::size_t max = 1000) {
  std::string out;
  log::append_json_string(out, text, max);
  return out;
}

}  // namespace

TEST_CASE("a line is one JSON object with typed fields", "[log]") {
  const std::string name = "x";
  const auto o = line("hello", {{"a", 1}, {"b", 2u}, {"c", 0.5}, {"d", true}, {"e", name}, {"f", "lit"},
                                {"g", std::numeric_limits<double>::infinity()}, {"h", INT64_MIN}, {"i", UINT64_MAX}});
  CHECK(o.at("ts").as_string() == "1970-01-01T00:00:00.000Z");
  CHECK(o.at("level").as_string() == "info");
  CHECK(o.at("service").as_string() == "svc");
  CHECK(o.at("msg").as_string() == "hello");
  CHECK(o.at("a").as_int64() == 1);
  CHECK(o.at("c").as_double() == 0.5);
  CHECK(o.at("d").as_bool());
  CHECK(o.at("e").as_string() == "x");
  CHECK(o.at("f").as_string() == "lit");
  CHECK(o.at("g").is_null());
  CHECK(o.at("h").as_int64() == INT64_MIN);
  CHECK(o.at("i").as_uint64() == UINT64_MAX);
  CHECK(!o.contains("trace_id"));
}

TEST_CASE("a line carries the trace id", "[log]") {
  const auto context = trace::start();
  CHECK(line("x", {}, &context).at("trace_id").as_string() == context.trace_id_text());
}

TEST_CASE("any bytes become a valid JSON string", "[log]") {
  CHECK(quoted("a\"b\\c\n\r\t\x01\x7f") == R"("a\"b\\c\n\r\t\u0001\u007f")");
  CHECK(quoted("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80") == "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
  CHECK(quoted("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(quoted("\xc0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");                        // overlong
  CHECK(quoted("\xed\xa0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // surrogate
  CHECK(quoted("\xe2\x82") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");                        // cut short
  CHECK(quoted("abcdef", 3) == "\"abc\xe2\x80\xa6\"");

  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    boost::json::error_code error;
    boost::json::parse(quoted(bytes, random() % 50), error);
    REQUIRE(!error);
  }
}

TEST_CASE("time stamps are RFC 3339 in UTC with milliseconds", "[log]") {
  using namespace std::chrono;
  CHECK(log::timestamp(WallTime(nanoseconds(1'767'225'600'007'999'999))) == "2026-01-01T00:00:00.007Z");
  CHECK(log::timestamp(WallTime(milliseconds(-1))) == "1969-12-31T23:59:59.999Z");
}
