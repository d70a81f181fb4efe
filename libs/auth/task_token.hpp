#pragma once

#include <string>
#include <string_view>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"

namespace swarm::auth {

/// Leave to spend from one task's budget, which the orchestrator gives with an assignment and the gateway checks. Not
/// bound to a caller: whoever has it may name the task, if his key is of the task's team.
struct TaskToken {
  std::string task_id;
  std::string team;       // empty: keys of every team
  WallTime expires{};
};

/// Text for the header x-swarm-task-token: "st1.<expiry>.<team>.<HMAC-SHA256>". The key is shared by both services, at
/// least 32 bytes. Thread-safe, as the next one.
std::string sign_task_token(const Secret& key, const TaskToken& token);

/// The token, if it was signed with this key for this task and has not expired. Unauthenticated otherwise, with a reason
/// that holds nothing of the token. Compares in constant time.
Result<TaskToken> verify_task_token(const Secret& key, std::string_view task_id, std::string_view text, WallTime now);

}  // namespace swarm::auth
