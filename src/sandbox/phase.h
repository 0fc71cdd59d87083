// Phase: how far a pod or container has come, as its row in the database says.
#pragma once

namespace crisp {

// The numbers are in the database and never change their meaning.
enum class Phase {
  kCreating = 0,  // an intent: a restart undoes whatever is there
  kCreated = 1,
  kStopped = 2,   // pods: StopPodSandbox was called and may have to be finished
  kRemoving = 3,  // an intent: a restart finishes the removal
};

}  // namespace crisp
