#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string>

#include "application/charge.hpp"
#include "application/relay.hpp"

namespace swarm::gateway {

/// One request on its way through the pipeline. Lives in its coroutine's frame.
class RelayJob final : public Answer::Hangup {
 public:
  RelayJob(Relay& relay, const Call& call, Answer& answer);
  ~RelayJob();
  RelayJob(const RelayJob&) = delete;
  RelayJob& operator=(const RelayJob&) = delete;

  boost::asio::awaitable<void> run();
  void caller_gone() override;

 private:
  using Step = std::optional<Problem>;  // nothing: go on

  Step authenticate();
  Step scan();
  Step choose();
  Step admit();
  boost::asio::awaitable<Step> admit_when_durable();
  void write_request();
  boost::asio::awaitable<Step> exchange();
  boost::asio::awaitable<bool> pause_before_retry(int attempt, std::optional<std::chrono::milliseconds> wanted);
  std::optional<std::chrono::milliseconds> retry_wish(const http::Head& head) const;
  boost::asio::awaitable<void> relay_whole();
  boost::asio::awaitable<void> relay_stream();
  boost::asio::awaitable<void> finish_stream(std::string_view rest, std::optional<Problem> fault, Ending ending);
  bool take_events(std::string_view& data, std::string& out);
  void settle_stream(Ending ending);
  std::string answer_headers(std::optional<Money> cost) const;
  void count(int status);
  void note(int status, double seconds) const;

  Relay& relay_;
  const Call& call_;
  Answer& answer_;
  DialectCodec& codec_;
  const Principal* who_ = nullptr;
  const Model* model_ = nullptr;
  const Upstream* upstream_ = nullptr;
  RequestScan scan_;
  Refusal refusal_;
  std::optional<Charge> charge_;
  std::string request_headers_;
  std::string model_json_;
  Outgoing outgoing_;
  std::unique_ptr<Exchange> exchange_;
  UpstreamLink::Attempt* attempt_ = nullptr;
  boost::asio::steady_timer* retry_timer_ = nullptr;
  StreamMeter meter_;
  std::string scratch_;
  int status_ = 0;
  bool gone_ = false;
  bool streaming_ = false;
};

}  // namespace swarm::gateway
