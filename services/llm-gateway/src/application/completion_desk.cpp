#include "application/completion_desk.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <openssl/sha.h>

#include <algorithm>

#include "libs/base/uuid.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

/// Equal only for the same prompt of the same payer.
std::string id_of(const Prompt& prompt, const CompletionDesk::Caller& caller) {
  std::string all;
  const std::string who = caller.who != nullptr ? caller.who->name : caller.credential;
  for (const std::string* part : {&prompt.text, &prompt.model, &prompt.system, &prompt.tools_json, &prompt.messages_json, &who, &caller.task}) {
    all += std::to_string(part->size()) + ':' + *part;
  }
  all += prompt.json_mode ? 'j' : 't';
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

Code code_of(int status) {
  switch (status) {
    case 400: case 413: case 422: return Code::InvalidArgument;
    case 401: return Code::Unauthenticated;
    case 403: return Code::PermissionDenied;
    case 404: return Code::NotFound;
    case 429: return Code::ResourceExhausted;
    case 504: return Code::DeadlineExceeded;
    default: return Code::Unavailable;
  }
}

/// Keeps an answer instead of sending it.
class CollectedAnswer final : public Answer {
 public:
  asio::awaitable<bool> whole(int status, std::string_view, std::string_view body) override {
    status_ = status;
    body_ = body;
    body_.reserve(body_.size() + 64);
    co_return true;
  }
  asio::awaitable<bool> begin(int status, std::string_view) override {
    status_ = status;
    co_return true;
  }
  asio::awaitable<bool> send(std::string_view piece) override {
    body_ += piece;
    co_return true;
  }
  asio::awaitable<bool> end() override { co_return true; }
  void abort() override {}
  void watch(Hangup*) override {}  // it always finishes
  int status() const { return status_; }
  const std::string& body() const { return body_; }

 private:
  int status_ = 0;
  std::string body_;
};

}  // namespace

CompletionDesk::CompletionDesk(asio::io_context& io, Relay& relay, CompletionCodec& codec, const Clock& clock, Options options)
    : io_(io), relay_(relay), codec_(codec), clock_(clock), options_(std::move(options)) {}

void CompletionDesk::ask(Prompt prompt, Caller caller, Reply reply) {
  asio::post(io_, [this, prompt = std::move(prompt), caller = std::move(caller), reply = std::move(reply)]() mutable {
    begin(std::move(prompt), std::move(caller), std::move(reply));
  });
}

void CompletionDesk::begin(Prompt prompt, Caller caller, Reply reply) {
  if (prompt.model.empty()) prompt.model = options_.default_model;
  if (prompt.model.empty() && !relay_.catalog().models().empty()) prompt.model = relay_.catalog().models().front().name;
  std::string id = id_of(prompt, caller);
  const BootTime now = clock_.boot_now();
  drop_old(now);
  if (const auto kept = kept_.find(id); kept != kept_.end()) {
    if (reply(kept->second.text)) drop(kept);
    return;
  }
  const auto running = jobs_.find(id);
  if (running != jobs_.end()) {
    running->second.replies.push_back(std::move(reply));
    return;
  }
  if (jobs_.size() >= options_.in_flight_max) {
    reply(Error{Code::Unavailable, "too many completions in flight; try again later"});
    return;
  }
  jobs_[id].replies.push_back(std::move(reply));
  asio::co_spawn(io_, run(std::move(id), std::move(prompt), std::move(caller)), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

asio::awaitable<void> CompletionDesk::run(std::string id, Prompt prompt, Caller caller) {
  const auto result = co_await complete(std::move(prompt), std::move(caller));
  finish(id, result);
}

void CompletionDesk::finish(const std::string& id, const Result<std::string>& result) {
  const auto job = jobs_.extract(id);
  bool taken = false;
  for (const Reply& reply : job.mapped().replies) taken = reply(result) || taken;
  if (taken || !result || !keep(id, result.value(), clock_.boot_now() + options_.kept)) return;
  if (options_.beyond_restart != nullptr) options_.beyond_restart->keep({id, result.value(), clock_.wall_now() + options_.kept});
}

bool CompletionDesk::keep(const std::string& id, const std::string& text, BootTime until) {
  if (kept_.size() >= options_.kept_max || text.size() > options_.kept_bytes_max - kept_bytes_) return false;
  kept_bytes_ += text.size();
  kept_[id] = {text, until};
  return true;
}

void CompletionDesk::restore(std::vector<KeptAnswers::Entry> kept) {
  for (const auto& entry : kept) {
    // The wall clock may have been set meanwhile.
    const auto left = std::min<std::chrono::nanoseconds>(entry.until - clock_.wall_now(), options_.kept);
    keep(entry.id, entry.text, clock_.boot_now() + left);
  }
}

void CompletionDesk::drop_old(BootTime now) {
  for (auto kept = kept_.begin(); kept != kept_.end();) {
    const auto next = std::next(kept);
    if (kept->second.until <= now) drop(kept);
    kept = next;
  }
}

void CompletionDesk::drop(std::unordered_map<std::string, Kept>::iterator kept) {
  kept_bytes_ -= kept->second.text.size();
  if (options_.beyond_restart != nullptr) options_.beyond_restart->drop(kept->first);
  kept_.erase(kept);
}

asio::awaitable<Result<std::string>> CompletionDesk::complete(Prompt prompt, Caller caller) {
  const Model* model = relay_.catalog().find(prompt.model);
  const Dialect dialect = model != nullptr ? relay_.catalog().upstream(*model).dialect : Dialect::OpenAi;
  auto text = co_await one_call(prompt, caller, dialect);
  if (!text || !prompt.json_mode) co_return text;
  if (auto json = codec_.json_in(text.value())) co_return std::move(*json);
  // One more try: models that ignore the mode mostly obey when told so in words.
  prompt.system += prompt.system.empty() ? "" : "\n\n";
  prompt.system += "Your answer must be one valid JSON value, without any other words.";
  text = co_await one_call(prompt, caller, dialect);
  if (!text) co_return text;
  if (auto json = codec_.json_in(text.value())) co_return std::move(*json);
  co_return Error{Code::Unavailable, "the model did not answer with JSON, twice"};
}

asio::awaitable<Result<std::string>> CompletionDesk::one_call(Prompt prompt, Caller caller, Dialect dialect) {
  auto body = codec_.request(prompt, dialect);
  if (!body) co_return body.error();
  std::string& text = body.value();
  const std::size_t size = text.size();
  text.append(64, ' ');  // what the reader wants behind the body
  Call call;
  call.surface = dialect == Dialect::Anthropic ? Surface::Messages : Surface::Chat;
  call.dialect = dialect;
  call.path = dialect == Dialect::Anthropic ? "/v1/messages" : "/v1/chat/completions";
  call.body = std::string_view(text).substr(0, size);
  call.padding = 64;
  call.who = caller.who;
  call.credential = caller.credential;
  call.task = caller.task;
  call.task_token = caller.task_token;
  call.request_id = uuid_v7(clock_.wall_now());
  call.trace = caller.trace;
  call.begin = clock_.boot_now();
  CollectedAnswer answer;
  co_await relay_.serve(call, answer);
  if (answer.status() >= 300 || answer.status() == 0) co_return Error{code_of(answer.status()), codec_.error_text(answer.body())};
  co_return codec_.text(answer.body(), dialect);
}

}  // namespace swarm::gateway
