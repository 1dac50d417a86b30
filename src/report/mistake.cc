// Apart from ReportViolation, so that whoever takes the place of that one gets these, too.
#include "src/base/violation.h"
#include "src/options/sealed_page.h"
#include "src/report/going_on.h"

namespace bartizan {

void ReportMistake(const Violation& violation) {
  if (OptionsInForce().on_error != kOnErrorContinue) ReportViolation(violation);
  ReportAndGoOn(violation);
}

}  // namespace bartizan
