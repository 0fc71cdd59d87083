#include "client/verbs.h"

namespace crisp::client {

void AddAllVerbs(VerbTree* tree) {
  AddRunVerbs(tree);
  AddListVerbs(tree);
  AddLifeVerbs(tree);
  AddStreamVerbs(tree);
  AddImageVerbs(tree);
  AddNodeVerbs(tree);
  AddInfoVerbs(tree);
}

}  // namespace crisp::client
