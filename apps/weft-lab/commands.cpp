/// The lab's commands as the operator sees them.

#include "commands.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "console/lines.hpp"
#include "console/print.hpp"
#include "lab.hpp"

namespace weft::lab {

using namespace console;

namespace {

int finish(const Result<>& outcome, const char* message) {
  if (!outcome) {
    return report_error(outcome.error());
  }
  std::puts(message);
  return exit_ok;
}

void print_pod(const LabPod& pod) {
  std::printf("%-16s %-8s %s\n", pod.name.c_str(), pod.node.c_str(), pod.address.c_str());
}

}  // namespace

int up(const LabOptions& options) {
  auto lab = Lab::create(options);
  if (!lab) {
    return report_error(lab.error());
  }
  catch_interrupts();
  const auto outcome = lab->up();
  if (!outcome) {
    const int code = report_error(outcome.error());
    if (outcome.error().code != Errc::conflict) {
      clear_interrupt();
      if (const auto removed = Lab::down(options.name, options.verbose); !removed) {
        return report_error(removed.error());
      }
      std::fputs("weft-lab: what was made of the lab is removed again\n", stderr);
    }
    return code;
  }
  std::printf("lab '%s' is up: %u nodes, all connected\n", options.name.c_str(), options.nodes);
  return exit_ok;
}

int down(const LabTarget& target) {
  return finish(Lab::down(target.name, target.verbose), "removed");
}

int show_status(const LabTarget& target) {
  const auto lab = Lab::open(target.name, target.verbose);
  if (!lab) {
    return report_error(lab.error());
  }
  for (const LabNode& node : lab->plan().nodes) {
    std::printf("%s %s %s\n", node.name.c_str(), node.ipv4.c_str(), node.peer_name.c_str());
    const auto answer = lab->ask(node, "page.connections");
    const auto text = answer ? render_lines(*answer) : answer;
    if (text) {
      std::fputs(text->c_str(), stdout);
    } else {
      std::printf("   %s\n", text.error().message().c_str());
    }
  }
  if (const auto dropped = lab->cut_packets()) {
    std::printf("cut: %llu packets dropped\n", static_cast<unsigned long long>(*dropped));
  }
  return list_pods(target);
}

int add_pod(const LabTarget& target, const std::string& pod, const std::string& node) {
  auto lab = Lab::open(target.name, target.verbose);
  if (!lab) {
    return report_error(lab.error());
  }
  const auto added = lab->add_pod(pod, node);
  if (!added) {
    return report_error(added.error());
  }
  print_pod(*added);
  return exit_ok;
}

int delete_pod(const LabTarget& target, const std::string& pod) {
  auto lab = Lab::open(target.name, target.verbose);
  return lab ? finish(lab->remove_pod(pod), "removed") : report_error(lab.error());
}

int list_pods(const LabTarget& target) {
  const auto lab = Lab::open(target.name, target.verbose);
  if (!lab) {
    return report_error(lab.error());
  }
  const auto pods = lab->pods();
  if (!pods) {
    return report_error(pods.error());
  }
  for (const LabPod& pod : *pods) {
    print_pod(pod);
  }
  return exit_ok;
}

int execute(const LabTarget& target, const std::string& place,
            const std::vector<std::string>& command) {
  const auto lab = Lab::open(target.name, target.verbose);
  if (!lab) {
    return report_error(lab.error());
  }
  const auto netns = lab->netns_of(place);
  if (!netns) {
    return report_error(netns.error());
  }
  // So that `weft status` there is this program and asks that node.
  const char* const path = std::getenv("PATH");
  ::setenv("PATH", (lab->programs().directory + ":" + (path == nullptr ? "" : path)).c_str(), 1);
  if (const LabNode* const node = lab->plan().find_node(place)) {
    ::setenv("WEFT_SOCKET", node->socket.c_str(), 1);
  }
  Arguments argv = Lab::inside(*netns, command);
  std::vector<char*> pointers;
  for (std::string& word : argv) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  return report_error(Error{{errno, std::generic_category()}, "run '" + argv[0] + "'"});
}

int cut(const LabTarget& target, const std::string& from, const std::string& to, bool one_way) {
  auto lab = Lab::open(target.name, target.verbose);
  return lab ? finish(lab->cut(from, to, one_way), "cut") : report_error(lab.error());
}

int heal(const LabTarget& target) {
  auto lab = Lab::open(target.name, target.verbose);
  return lab ? finish(lab->heal(), "healed") : report_error(lab.error());
}

}  // namespace weft::lab
