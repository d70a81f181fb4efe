#include "commands/commands.hpp"
#include "completion/script.hpp"

namespace swarm::ctl {

void add_completion(Command program, Session& session) {
  auto shell = std::make_shared<std::string>();
  const Command app = program.command("completion", "print a script that completes commands and flags in a shell");
  app.option("shell", *shell, "bash, zsh or fish")
      .required()
      .one_of({"bash", "zsh", "fish"})
      .type("bash|zsh|fish");
  app.footer("bash: source <(swarmctl completion bash)\nzsh:  source <(swarmctl completion zsh)\n"
              "fish: swarmctl completion fish | source");
  app.action([shell, program, &session] {
    const auto commands = commands_of(program.app());
    if (*shell == "bash") session.out << bash_script(commands);
    else if (*shell == "zsh") session.out << zsh_script(commands);
    else session.out << fish_script(commands);
  });
}

}  // namespace swarm::ctl
