#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"

namespace swarm::auth {

/// What a task token allows.
inline constexpr std::string_view kSpend = "spend";    // from the task's budget; the gateway checks it
inline constexpr std::string_view kSubmit = "submit";  // tasks that name the task as their parent; the orchestrator checks it

/// A capability that the orchestrator gives with an assignment. Not bound to a caller: whoever has it may act for the
/// task, if his key is of the task's team. Whoever has it can also make a narrower one of it, and nobody a wider one.
struct TaskToken {
  std::string task_id;
  std::string team;       // empty: keys of every team
  WallTime expires{};
  std::optional<std::vector<std::string>> rights = {};       // nothing: all of them
  std::optional<std::vector<std::string>> permissions = {};  // that children may require; nothing: those of the task

  bool may(std::string_view right) const;
};

/// What is taken away. Nothing: that stays as it is.
struct TaskTokenLimits {
  std::optional<WallTime> expires = {};  // whole seconds count
  std::optional<std::vector<std::string>> rights = {};
  std::optional<std::vector<std::string>> permissions = {};
};

/// Text for the header x-swarm-task-token: "st1.<expiry>.<team>.<HMAC-SHA256>". The key is shared by both services, at
/// least 32 bytes. Thread-safe, as the next ones.
std::string sign_task_token(const Secret& key, const TaskToken& token);

/// A narrower token, made without the key: "st1.<expiry>.<team>.<limit>….<HMAC>". Each limit is signed with the HMAC that
/// stood there before and is thereby gone (Birgisson et al., "Macaroons", NDSS 2014). InvalidArgument for what is no token.
Result<std::string> narrow_task_token(std::string_view text, const TaskTokenLimits& limits);

/// The token with the least that its limits leave, if it was signed with this key for this task and has not expired.
/// Unauthenticated otherwise, with a reason that holds nothing of the token. Compares in constant time.
Result<TaskToken> verify_task_token(const Secret& key, std::string_view task_id, std::string_view text, WallTime now);

}  // namespace swarm::auth
