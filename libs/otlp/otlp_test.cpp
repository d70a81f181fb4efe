#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "libs/otlp/encode.hpp"
#include "libs/otlp/exporter.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/fake_clock.hpp"

using namespace swarm;
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

trace::Context context_of(const char* traceparent) { return *trace::parse(traceparent); }
const trace::Context kParent = context_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

trace::FinishedSpan span(std::string name = "work") {
  trace::FinishedSpan out;
  out.context = kParent.child();
  out.parent = kParent.span_id;
  out.name = std::move(name);
  out.begin = WallTime(std::chrono::nanoseconds(1'767'225'600'000'000'001));
  out.end = out.begin + std::chrono::milliseconds(5);
  return out;
}

/// Answers each request with the next of `statuses`, the last one for ever; keeps the bodies.
class FakeCollector {
 public:
  explicit FakeCollector(std::vector<int> statuses) : statuses_(std::move(statuses)), thread_([this] { serve(); }) {}
  ~FakeCollector() {
    stopping_ = true;
    asio::io_context io;
    asio::ip::tcp::socket last(io);
    boost::system::error_code ignored;  // wakes the accept
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  otlp::TraceSettings settings(double share = 1.0) const {
    return {"http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/v1/traces", share, {}};
  }
  std::size_t spans() {
    std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& body : taken_) count += boost::json::parse(body).at_pointer("/resourceSpans/0/scopeSpans/0/spans").as_array().size();
    return count;
  }
  int requests() const { return requests_; }

 private:
  void serve() {
    for (;;) {
      asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket);
      if (stopping_) return;
      boost::beast::flat_buffer buffer;
      http::request<http::string_body> request;
      boost::system::error_code broken;
      http::read(socket, buffer, request, broken);
      if (broken) continue;
      const auto at = std::min<std::size_t>(static_cast<std::size_t>(requests_), statuses_.size() - 1);
      ++requests_;
      http::response<http::string_body> response(static_cast<http::status>(statuses_[at]), 11);
      response.body() = "{}";
      response.prepare_payload();
      if (statuses_[at] == 200 && request["content-type"] == "application/json" && request.target() == "/v1/traces") {
        std::lock_guard lock(mutex_);
        taken_.push_back(request.body());
      }
      http::write(socket, response, broken);
    }
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  const std::vector<int> statuses_;
  std::mutex mutex_;
  std::vector<std::string> taken_;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

bool holds(const metrics::Registry& registry, const std::string& line) { return registry.serialize().find(line + "\n") != std::string::npos; }

}  // namespace

TEST_CASE("spans are written as OTLP's JSON wants them", "[otlp]") {
  auto failed = span("B/C");
  failed.kind = trace::SpanKind::Server;
  failed.failed = true;
  failed.attributes = {{"a", "\"1\""}, {"b", ""}};
  auto root = span();
  root.parent = {};
  const std::vector<trace::FinishedSpan> spans = {failed, root};
  const auto json = boost::json::parse(otlp::encode(spans, "gateway", "1.2"));
  CHECK(json.at_pointer("/resourceSpans/0/resource/attributes/0/key") == "service.name");
  CHECK(json.at_pointer("/resourceSpans/0/resource/attributes/0/value/stringValue") == "gateway");
  const auto& one = json.at_pointer("/resourceSpans/0/scopeSpans/0/spans/0").as_object();
  CHECK(one.at("traceId") == "0af7651916cd43dd8448eb211c80319c");
  CHECK(one.at("parentSpanId") == "b7ad6b7169203331");
  CHECK(one.at("spanId").as_string().size() == 16);
  CHECK(one.at("kind") == 2);
  CHECK(one.at("startTimeUnixNano") == "1767225600000000001");
  CHECK(one.at("status").as_object().at("code") == 2);
  CHECK(one.at("attributes").as_array().size() == 1);
  const auto& two = json.at_pointer("/resourceSpans/0/scopeSpans/0/spans/1").as_object();
  CHECK_FALSE(two.contains("parentSpanId"));
  CHECK_FALSE(two.contains("status"));
}

TEST_CASE("finished spans arrive, those of unsampled traces don't, and the rest at the end", "[otlp][net]") {
  FakeCollector collector({200});
  metrics::Registry registry;
  {
    const auto exporter = otlp::Exporter::start(collector.settings(), "test", registry);
    REQUIRE(trace::spans_wanted());
    for (int i = 0; i < 1200; ++i) trace::finish(span());
    auto unsampled = span();
    unsampled.context.sampled = false;
    trace::finish(unsampled);
    CHECK(testing::eventually([&] { return collector.spans() >= 1024; }));
  }
  CHECK_FALSE(trace::spans_wanted());
  CHECK(collector.spans() == 1200);
  CHECK(holds(registry, "swarm_trace_spans_sent_total 1200"));
}

TEST_CASE("a collector that is busy is asked again, one that refuses isn't", "[otlp][net]") {
  metrics::Registry registry;
  SECTION("busy") {
    FakeCollector collector({503, 429, 200});
    const auto exporter = otlp::Exporter::start(collector.settings(), "test", registry);
    trace::finish(span());
    CHECK(testing::eventually([&] { return collector.spans() == 1; }));
    CHECK(collector.requests() == 3);
  }
  SECTION("refusing") {
    FakeCollector collector({400});
    const auto exporter = otlp::Exporter::start(collector.settings(), "test", registry);
    trace::finish(span());
    CHECK(testing::eventually([&] { return holds(registry, "swarm_trace_spans_dropped_total 1"); }));
    CHECK(collector.requests() == 1);
  }
}

TEST_CASE("without a collector nobody waits, and what is too much is dropped and counted", "[otlp][net]") {
  metrics::Registry registry;
  const auto begin = std::chrono::steady_clock::now();
  {
    const auto exporter = otlp::Exporter::start({"http://127.0.0.1:1/v1/traces", 1.0, {}}, "test", registry);
    for (int i = 0; i < 20'000; ++i) trace::finish(span());
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(6));
  CHECK(holds(registry, "swarm_trace_spans_dropped_total 20000"));
}

TEST_CASE("a share of the traces is chosen by their ids", "[otlp][net]") {
  FakeCollector collector({200});
  metrics::Registry registry;
  {
    const auto exporter = otlp::Exporter::start(collector.settings(0.25), "test", registry);
    for (int i = 0; i < 2000; ++i) {
      auto one = span();
      one.context = trace::start();
      trace::finish(one);
    }
  }
  CHECK(collector.spans() > 350);
  CHECK(collector.spans() < 650);
}
