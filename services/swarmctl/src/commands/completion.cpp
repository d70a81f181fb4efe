#include "commands/commands.hpp"
#include "completion/script.hpp"

namespace swarm::ctl {

void add_completion(CLI::App& program, Session& session) {
  auto shell = std::make_shared<std::string>();
  CLI::App* app = program.add_subcommand("completion", "print a script that completes commands and flags in a shell");
  app->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("bash|zsh|fish");
  app->footer("bash: source <(swarmctl completion bash)\nzsh:  source <(swarmctl completion zsh)\n"
              "fish: swarmctl completion fish | source");
  app->callback([shell, &program, &session] {
    const auto commands = commands_of(program);
    if (*shell == "bash") session.out << bash_script(commands);
    else if (*shell == "zsh") session.out << zsh_script(commands);
    else session.out << fish_script(commands);
  });
}

}  // namespace swarm::ctl
