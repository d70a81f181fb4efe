#include "proxy/bearer.hpp"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <boost/json.hpp>

#include "libs/auth/base64url.hpp"
#include "libs/rpc/status.hpp"
#include "protos/operations.grpc.pb.h"

namespace swarm::ctl {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::seconds kPauseMax{30};
constexpr std::chrono::seconds kCallMax{10};

Result<std::string> read_token(const std::string& path) {
  BOOST_OUTCOME_TRY(auto token, read_small_file("--token-file", path));
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) token.pop_back();
  return token;
}

}  // namespace

Bearer::Bearer(Options options, std::shared_ptr<grpc::Channel> channel, const Clock& clock, Complain complain)
    : options_(std::move(options)), channel_(std::move(channel)), clock_(clock), complain_(std::move(complain)) {}

Result<std::unique_ptr<Bearer>> Bearer::start(Options options, std::shared_ptr<grpc::Channel> channel, const Clock& clock, Complain complain) {
  std::unique_ptr<Bearer> bearer(new Bearer(std::move(options), std::move(channel), clock, std::move(complain)));
  const auto& o = bearer->options_;
  if (!o.token_file.empty()) {
    BOOST_OUTCOME_TRY(bearer->file_text_, read_token(o.token_file));
    BOOST_OUTCOME_TRY(bearer->take(bearer->file_text_));
  } else if (!o.signing_key_file.empty()) {
    BOOST_OUTCOME_TRY(const auto token, bearer->renewed());
    BOOST_OUTCOME_TRY(bearer->take(token));
  } else {
    return bearer;
  }
  bearer->thread_ = std::jthread([raw = bearer.get()] { raw->keep(); });
  return bearer;
}

Bearer::~Bearer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

std::string Bearer::authorization() const {
  std::lock_guard lock(mutex_);
  return token_.empty() ? "" : "Bearer " + token_;
}

Result<Bearer::Life> Bearer::life_of(const std::string& token) {
  const Error none{Code::InvalidArgument, "not a token that tells when it ends"};
  const auto first = token.find('.');
  const auto second = first == std::string::npos ? first : token.find('.', first + 1);
  if (second == std::string::npos) return none;
  const auto payload = auth::base64url_decode(std::string_view(token).substr(first + 1, second - first - 1));
  if (!payload) return none;
  boost::system::error_code bad;
  const auto claims = boost::json::parse(payload.value(), bad);
  if (bad || !claims.is_object()) return none;
  const auto* issued = claims.get_object().if_contains("iat");
  const auto* ends = claims.get_object().if_contains("exp");
  if (issued == nullptr || ends == nullptr || !issued->is_int64() || !ends->is_int64()) return none;
  return Life{WallTime(std::chrono::seconds(issued->get_int64())), WallTime(std::chrono::seconds(ends->get_int64()))};
}

Result<void> Bearer::take(const std::string& token) {
  BOOST_OUTCOME_TRY(const auto life, life_of(token));
  const auto length = life.ends - life.issued;
  // The clocks may differ; the length of its life is what both sides agree on.
  renew_at_ = std::min(life.issued, clock_.wall_now()) + (options_.token_file.empty() ? length / 2 : length * 2 / 3);
  std::lock_guard lock(mutex_);
  token_ = token;
  return outcome::success();
}

Result<std::string> Bearer::renewed() const {
  if (options_.token_file.empty()) return make_token(options_.request, options_.signing_key_file, options_.signing_key_id, clock_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallMax);
  context.AddMetadata("authorization", authorization());
  ::operations::Token answer;
  const auto status = ::operations::Operations::NewStub(channel_)->RenewToken(&context, ::operations::RenewTokenRequest(), &answer);
  if (!status.ok()) return rpc::from_status(status);
  return answer.token();
}

void Bearer::look() {
  if (!options_.token_file.empty()) {
    const auto text = read_token(options_.token_file);
    if (text && text.value() != file_text_) {
      file_text_ = text.value();
      if (const auto taken = take(file_text_); !taken) complain_("the token file holds no token: " + taken.error().message);
      return;
    }
  }
  const auto now = clock_.wall_now();
  if (now < renew_at_) return;
  const auto token = renewed();
  auto taken = token ? take(token.value()) : Result<void>(token.error());
  if (taken) {
    pause_ = kLookEvery;
    return;
  }
  complain_("the token was not renewed: " + taken.error().message);
  pause_ = std::min(2 * pause_, kPauseMax);
  renew_at_ = now + pause_;
}

void Bearer::keep() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLookEvery, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

}  // namespace swarm::ctl
