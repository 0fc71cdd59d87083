// The groups of verbs; each adds its own to the command line.
#pragma once

#include "client/verb_tree.h"

namespace crisp::client {

void AddRunVerbs(VerbTree* tree);
void AddListVerbs(VerbTree* tree);
void AddLifeVerbs(VerbTree* tree);
void AddStreamVerbs(VerbTree* tree);
void AddImageVerbs(VerbTree* tree);
void AddNodeVerbs(VerbTree* tree);
void AddInfoVerbs(VerbTree* tree);

}  // namespace crisp::client
