// What lists say of a container.
#pragma once

#include <string>

#include "client/containers.h"
#include "client/list_output.h"

namespace crisp::client {

// docker's words: "created", "running", "exited".
std::string StateText(cri::ContainerState state);

// "Created", "Up 47 minutes", "Exited (0) 2 minutes ago". `now`: nanoseconds since 1970.
std::string StatusText(const cri::ContainerStatus& status, int64_t now);

// The command in quotes and cut to 20 characters as docker has it, or whole.
std::string CommandText(const std::vector<std::string>& words, bool whole);

// Asks the runtime for what its list does not have. Fields: ID, Names, Image, Command, CreatedAt, CreatedAgo, State,
// Status, ExitCode, Ports, Labels, Namespace, Pod, PodID, Attempt.
Row ContainerRow(RuntimeClient* runtime, const ContainerView& view, bool whole);

// The words that the container's first process was started with; empty if nobody tells them.
std::vector<std::string> CommandOf(RuntimeClient* runtime, const ContainerView& view);

}  // namespace crisp::client
