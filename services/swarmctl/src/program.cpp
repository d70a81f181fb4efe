#include "program.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "commands/commands.hpp"
#include "commands/upkeep.hpp"
#include "libs/settings/nearest.hpp"

namespace swarm::ctl {
namespace {

/// The command that the arguments got to.
CLI::App* deepest(CLI::App& program) {
  CLI::App* app = &program;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::string full_name(const CLI::App* app) {
  if (app->get_parent() == nullptr) return app->get_name();
  return full_name(app->get_parent()) + " " + app->get_name();
}

std::set<std::string> names_at(CLI::App* app) {
  std::set<std::string> out;
  for (CLI::App* sub : app->get_subcommands([](CLI::App*) { return true; })) out.insert(sub->get_name());
  for (CLI::App* up = app; up != nullptr; up = up->get_parent()) {
    for (const CLI::Option* option : up->get_options()) {
      for (const std::string& name : option->get_lnames()) out.insert("--" + name);
    }
  }
  return out;
}

/// What is wrong with the command line, in one line that says where to look.
std::string usage_error(CLI::App& program, const CLI::ParseError& error) {
  CLI::App* at = deepest(program);
  const auto surplus = program.remaining(true);
  std::string what = error.what();
  if (!surplus.empty()) {
    what = "unknown argument " + surplus.front() + settings::suggestion(surplus.front(), names_at(at));
  }
  std::replace(what.begin(), what.end(), '\n', ' ');
  return "swarmctl: " + what + "; see " + full_name(at) + " --help";
}

void add_addresses(Command program, Session& session) {
  for (const Peer peer : kPeers) {
    const PeerFacts& f = facts(peer);
    program.address(f.flag, f.variable, session.addresses[static_cast<std::size_t>(peer)], "gRPC address of the " + std::string(f.name));
  }
}

void add_file(Command program, const std::string& flag, const std::string& variable, std::string& out,
              const std::string& help) {
  program.option(flag, out, help).from_environment(variable).type("FILE");
}

void add_access(Command program, AccessOptions& o) {
  add_file(program, "--ca-file", "SWARM_CTL_CA_FILE", o.ca_file, "PEM roots of the servers' certificates; turns TLS on");
  add_file(program, "--cert-file", "SWARM_CTL_CERT_FILE", o.cert_file, "PEM client certificate");
  add_file(program, "--key-file", "SWARM_CTL_KEY_FILE", o.key_file, "its private key");
  add_file(program, "--token-file", "SWARM_CTL_TOKEN_FILE", o.token_file, "bearer token for every call");
  add_file(program, "--signing-key-file", "SWARM_CTL_SIGNING_KEY_FILE", o.signing_key_file,
           "PEM key to make a short-lived admin token with");
  program.option("--signing-key-id", o.signing_key_id, "its kid in the services' JWKS file")
      .from_environment("SWARM_CTL_SIGNING_KEY_ID")
      .shows_default();
  program.option("--server-name", o.server_name, "name in the servers' certificates, if not the address's")
      .from_environment("SWARM_CTL_SERVER_NAME")
      .type("NAME");
}

}  // namespace

void describe_program(CLI::App& app, Session& session) {
  app.name("swarmctl");
  app.description("Steers a swarm: its tasks, rules, agents and budget.");
  app.require_subcommand(1);
  app.fallthrough();  // global flags may also follow the command
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  app.set_version_flag("--version", std::string("swarmctl ") + SWARM_VERSION);
  const Command program(app);
  add_addresses(program, session);
  program.flag("--json", session.json, "print JSON, one document (watch: one a line)");
  program.duration("--timeout", session.timeout, "longest wait for an answer (default 10s)");
  add_access(program, session.access_options);
  app.parse_complete_callback([&session] {
    const auto opened = session.open();
    if (!opened) throw CLI::Error("AccessError", opened.error().message, 2);
  });
  app.footer("Exit code: 0 done, 1 it failed, 2 wrong usage.");
  add_tasks(program, session);
  add_artifacts(program, session);
  add_schedules(program, session);
  add_agents(program, session);
  add_dispatch(program, session);
  add_rules(program, session);
  add_groups(program, session);
  add_failures(program, session);
  add_logs(program, session);
  add_budget(program, session);
  add_knowledge(program, session);
  add_spend(program, session);
  add_keys(program, session);
  add_explain(program, session);
  add_doctor(program, session);
  add_token(program, session);
  add_log_level(program, session);
  add_backup(program, session);
  add_proxy(program, session);
  add_audit(program, session);
  add_completion(program, session);
  add_version(program, session);
}

int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err, const Terminal& terminal) {
  Session session(out, err, terminal);
  CLI::App program;
  describe_program(program, session);
  if (arguments.empty()) {
    err << program.help();
    return 2;
  }
  try {
    std::reverse(arguments.begin(), arguments.end());  // the order that CLI11 takes
    program.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    out << program.help();
  } catch (const CLI::CallForVersion& version) {
    out << version.what() << '\n';
  } catch (const CLI::ParseError& error) {
    err << usage_error(program, error) << '\n';
    return 2;
  } catch (const CLI::Error& error) {  // the files of --ca-file and its like
    err << "swarmctl: " << error.what() << '\n';
    return error.get_exit_code();
  }
  return session.exit_code;
}

}  // namespace swarm::ctl
