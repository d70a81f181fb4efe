#include "libs/telemetry/metrics.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <thread>

#include "libs/telemetry/metric_names.hpp"

using namespace swarm::metrics;

TEST_CASE("metrics are written in Prometheus text format", "[metrics]") {
  Registry r;
  r.counter("b_total", "Counts\nb \\.", {{"z", "1"}, {"a", "x\"y\\\n"}}).add(3);
  r.counter("b_total", "ignored", {{"a", "2"}, {"z", "1"}}).add();
  r.gauge("a_bytes", "Gauge a.").set(-1.5);
  auto& h = r.histogram("h_seconds", "Takes.", {0.1, 1}, {{"k", "v"}});
  h.observe(0.1);
  h.observe(0.5);
  h.observe(7);
  h.observe(std::numeric_limits<double>::quiet_NaN());
  r.gauge_callback("c", "Asked.", {}, [] { return std::numeric_limits<double>::infinity(); });
  CHECK(r.serialize() == R"(# HELP a_bytes Gauge a.
# TYPE a_bytes gauge
a_bytes -1.5
# HELP b_total Counts\nb \\.
# TYPE b_total counter
b_total{a="2",z="1"} 1
b_total{a="x\"y\\\n",z="1"} 3
# HELP c Asked.
# TYPE c gauge
c +Inf
# HELP h_seconds Takes.
# TYPE h_seconds histogram
h_seconds_count{k="v"} 3
h_seconds_sum{k="v"} 7.6
h_seconds_bucket{k="v",le="0.1"} 1
h_seconds_bucket{k="v",le="1"} 2
h_seconds_bucket{k="v",le="+Inf"} 3
)");
}

TEST_CASE("the same name and labels are the same metric, in any order of labels", "[metrics]") {
  Registry r;
  Counter& c = r.counter("x_total", "X.", {{"a", "1"}, {"b", "2"}});
  CHECK(&c == &r.counter("x_total", "X.", {{"b", "2"}, {"a", "1"}}));
  CHECK(&c != &r.counter("x_total", "X.", {{"a", "1"}}));
}

TEST_CASE("counts of many threads add up while they are read", "[metrics]") {
  Registry r;
  Counter& c = r.counter("x_total", "X.");
  Histogram& h = r.histogram("y", "Y.", latency_buckets());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        c.add();
        h.observe(1);
        if (i % 1000 == 0) r.gauge("z", "Z.", {{"i", std::to_string(i)}}).add(1);
      }
    });
  }
  for (int i = 0; i < 100; ++i) CHECK(!r.serialize().empty());
  for (auto& thread : threads) thread.join();
  CHECK(c.value() == 40'000);
  CHECK(h.sum() == 40'000);
}

TEST_CASE("only Prometheus's names are names", "[metrics]") {
  CHECK(is_metric_name("a:b_1"));
  for (const char* bad : {"", "1a", "a-b", "a b", "\xc3\xbc"}) CHECK(!is_metric_name(bad));
  CHECK(is_label_name("_a1"));
  for (const char* bad : {"", "__a", "a:b", "le"}) CHECK(!is_label_name(bad));
}

TEST_CASE("a process tells its use of the machine", "[metrics]") {
  Registry r;
  add_process_metrics(r, "svc");
  const std::string text = r.serialize();
  const auto value = [&](const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + name.size() + 2));
  };
  CHECK(value("process_resident_memory_bytes") > 1e6);
  CHECK(value("process_open_fds") >= 3);
  CHECK(value("process_threads") >= 1);
  CHECK(value("process_cpu_seconds_total") > 0);
  CHECK(value("process_start_time_seconds") > 1.6e9);
  CHECK(text.find("swarm_build_info{service=\"svc\",version=\"") != std::string::npos);
}
