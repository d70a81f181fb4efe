#pragma once

#include <boost/asio/awaitable.hpp>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "application/admission.hpp"
#include "application/answer_cache.hpp"
#include "application/edition.hpp"
#include "application/joint_answers.hpp"
#include "application/key_refusals.hpp"
#include "application/key_ring.hpp"
#include "application/probe.hpp"
#include "libs/telemetry/line_quota.hpp"
#include "libs/telemetry/trace.hpp"
#include "ports/answer.hpp"
#include "ports/dialect.hpp"
#include "ports/translation.hpp"
#include "ports/upstream.hpp"

namespace swarm::gateway {

/// One request for a model, as its front door read it. Views live until serve() returns.
struct Call {
  Surface surface = Surface::Chat;
  Dialect dialect = Dialect::OpenAi;
  const http::Head* head = nullptr;  // null: not from HTTP
  std::string_view path;             // "/v1/…", with its query
  std::string_view body;
  std::size_t padding = 0;           // readable bytes behind the body
  const Principal* who = nullptr;    // null: the credential says
  std::string_view credential;
  std::string_view task;
  std::string_view task_token;       // the orchestrator's leave to name it
  std::string request_id;
  trace::Context trace;
  BootTime begin{};
};

/// What all threads share while they serve.
struct Services {
  const KeyRing& keys;
  Admission& admission;
  Probe& probe;
  AnswerCache* cache = nullptr;  // null: nothing is kept
  JointAnswers* joint = nullptr; // null: idempotency keys count for nothing here
  KeyRefusals::Tell audit;       // empty: nobody is told of refused keys
};

struct RelayOptions {
  std::size_t response_bytes_max = 64u << 20;
  std::size_t event_bytes_max = 4u << 20;
  std::uint64_t prompt_bytes_max = 0;  // of each request's body that goes into its usage row
};

/// A codec for each surface, of one thread.
using Codecs = std::array<std::unique_ptr<DialectCodec>, kSurfaces>;

/// The pipeline of one thread: authenticate → scan → choose an upstream → reserve → forward → relay → settle. One call
/// is one coroutine; any number of them share a Relay. A caller that leaves cancels the upstream.
class Relay {
 public:
  Relay(Services services, std::shared_ptr<Lane> lane, Codecs& codecs, Translation& translation, RelayOptions options)
      : services_(std::move(services)), lane_(std::move(lane)), codecs_(codecs), translation_(translation), options_(options) {}

  /// Requests that come from now on are served by this edition; those on their way keep theirs.
  void adopt(std::shared_ptr<Lane> lane) { std::exchange(lane_, std::move(lane))->link->drain(); }
  const Catalog& catalog() const { return lane_->edition->catalog; }
  UpstreamLink& link() { return *lane_->link; }

  /// With an idempotency key: joined with an equal request that is in flight.
  boost::asio::awaitable<void> serve(const Call& call, Answer& answer);
  /// The models that the credential may use, in OpenAI's form (which Anthropic's clients read too).
  boost::asio::awaitable<void> list_models(const Call& call, Answer& answer);
  /// One of them, or 404.
  boost::asio::awaitable<void> show_model(const Call& call, Answer& answer, std::string_view id);
  /// One line for a request that did not get what it asked for, within a bound of lines; never a prompt or a key. `ours`: the
  /// gateway or an upstream failed, not the caller.
  void tell_failure(const Call& call, int status, std::string_view code, std::string_view cause, bool ours);
  /// True when a configured route passes the path (without its query) on.
  bool passes_on(std::string_view path) const { return catalog().route(path) != nullptr; }
  /// An error answer in the caller's dialect, with everything that clients look for.
  boost::asio::awaitable<void> refuse(const Call& call, Answer& answer, Problem problem);
  static Problem unknown_key();
  /// Who presents that key; null, and noted: nobody whom we know.
  const Principal* authenticate(const Call& call, const Answer& answer);
  DialectCodec& codec(Surface surface) { return *codecs_[static_cast<std::size_t>(surface)]; }

 private:
  friend class RelayJob;
  boost::asio::awaitable<void> serve_once(const Call& call, Answer& answer, std::string_view key);
  boost::asio::awaitable<void> tell_models(const Call& call, Answer& answer, std::string body);
  boost::asio::awaitable<bool> follow(const Call& call, Answer& answer, std::shared_ptr<JointAnswer> joint);
  static boost::asio::awaitable<bool> pass_on(const JointAnswer::Follower::News& news, bool first, Answer& answer);
  static constexpr std::uint32_t kFailureLinesPerSecond = 20;
  Services services_;
  std::shared_ptr<Lane> lane_;
  Codecs& codecs_;
  Translation& translation_;
  RelayOptions options_;
  KeyRefusals key_refusals_{services_.audit};
  log::LineQuota failure_lines_{kFailureLinesPerSecond};
  log::LineQuota attempt_lines_{kFailureLinesPerSecond};
};

/// Lines that every answer carries.
void append_own_headers(std::string& lines, const Call& call);
/// For an answer that was made here, or by an upstream that did not say when.
void append_date(std::string& lines, WallTime now);
void append_problem_headers(std::string& lines, const Problem& problem);

}  // namespace swarm::gateway
