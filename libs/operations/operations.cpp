#include "libs/operations/operations.hpp"

#include <algorithm>

#include "libs/operations/backup_stream.hpp"
#include "libs/rpc/status.hpp"
#include "libs/telemetry/logging.hpp"
#include "protos/operations.grpc.pb.h"

namespace swarm::operations {
namespace {

constexpr std::string_view kSetLogLevel = "/operations.Operations/SetLogLevel";
constexpr std::string_view kRenewToken = "/operations.Operations/RenewToken";
constexpr std::string_view kMintToken = "/operations.Operations/MintToken";
constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kBackup = "/operations.Operations/Backup";

class OperationsService final : public ::operations::Operations::CallbackService {
 public:
  explicit OperationsService(Parts parts)
      : gate_(parts.gate), mint_(std::move(parts.mint)), backups_(parts.service, parts.data_dir, std::move(parts.sources), parts.clock) {}

  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* context, const ::operations::LogLevel* in, ::operations::LogLevel* out) override {
    return answer(context, kSetLogLevel, [&](const auth::Principal& who) -> Result<void> {
      BOOST_OUTCOME_TRYV(log::set_level(in->level()));
      out->set_level(in->level());
      log::warn("log level set", {{"to", in->level()}, {"by", who.subject}});
      return outcome::success();
    });
  }

  grpc::ServerUnaryReactor* RenewToken(grpc::CallbackServerContext* context, const ::operations::RenewTokenRequest* in, ::operations::Token* out) override {
    return answer(context, kRenewToken, [&](const auth::Principal& who) -> Result<void> {
      BOOST_OUTCOME_TRYV(has_key());
      const auto header = context->client_metadata().find("authorization");
      const auto given = header == context->client_metadata().end() ? std::string_view() : std::string_view(header->second.data(), header->second.size());
      const auto token = given.substr(std::min(given.size(), kBearer.size()));
      BOOST_OUTCOME_TRY(const auto made, mint_->renew(who, token, std::chrono::milliseconds(in->lifetime_ms())));
      fill(*out, made);
      return outcome::success();
    });
  }

  grpc::ServerUnaryReactor* MintToken(grpc::CallbackServerContext* context, const ::operations::MintTokenRequest* in, ::operations::Token* out) override {
    return answer(context, kMintToken, [&](const auth::Principal& who) -> Result<void> {
      BOOST_OUTCOME_TRYV(has_key());
      const auto role = auth::parse_role(in->role());
      if (!role) return Error{Code::InvalidArgument, "role=" + in->role() + " is none of viewer, agent, operator, admin"};
      const auth::TokenMint::Wish wish{in->subject(), *role, in->team(), in->cert_fingerprint(), std::chrono::milliseconds(in->lifetime_ms())};
      BOOST_OUTCOME_TRY(const auto made, mint_->mint(who, wish));
      fill(*out, made);
      return outcome::success();
    });
  }

  grpc::ServerWriteReactor<::operations::BackupPart>* Backup(grpc::CallbackServerContext* context, const ::operations::BackupRequest*) override {
    if (const auto who = gate_.admit(*context, kBackup); !who) return refused_backup(who.error());
    return backups_.open();
  }

 private:
  template <class Act>
  grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, std::string_view method, Act act) {
    auto* reactor = context->DefaultReactor();
    const auto who = gate_.admit(*context, method);
    const Result<void> done = who ? act(who.value()) : Result<void>(who.error());
    reactor->Finish(done ? grpc::Status::OK : rpc::to_status(done.error()));
    return reactor;
  }
  Result<void> has_key() const {
    if (mint_) return outcome::success();
    return Error{Code::FailedPrecondition, "this service has no auth.signing_key_file and so makes no tokens"};
  }
  static void fill(::operations::Token& out, const auth::TokenMint::Minted& made) {
    out.set_token(made.token);
    out.set_expires_unix_ms(unix_ms(made.expires_at));
  }

  rpc::Gate& gate_;
  std::unique_ptr<auth::TokenMint> mint_;
  BackupDesk backups_;
};

}  // namespace

auth::AccessTable with_operations(auth::AccessTable table) {
  using enum auth::Role;
  const auth::Roles operators{Operator};
  const auth::Roles admins{};
  table.emplace(kSetLogLevel, operators.audited());
  table.emplace(kMintToken, operators.audited());
  table.emplace(kBackup, admins.audited());
  table.emplace(kRenewToken, auth::Roles{Viewer, Agent, Operator});
  return table;
}

std::unique_ptr<grpc::Service> make_operations(Parts parts) { return std::make_unique<OperationsService>(std::move(parts)); }

std::string operations_name() { return ::operations::Operations::service_full_name(); }

}  // namespace swarm::operations
