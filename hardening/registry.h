// Every layer there is. A new layer is a file, a line here and a row in the option table.
#ifndef BARTIZAN_HARDENING_REGISTRY_H_
#define BARTIZAN_HARDENING_REGISTRY_H_

#include "hardening/bounded_libc.h"
#include "hardening/canaries.h"
#include "hardening/freelist_encryption.h"
#include "hardening/guard_pages.h"
#include "hardening/neighbour_check.h"
#include "hardening/origin_check.h"
#include "hardening/quarantine.h"
#include "hardening/random_slots.h"
#include "hardening/reuse_check.h"
#include "hardening/sampling.h"
#include "hardening/size_check.h"
#include "hardening/zero_on_free.h"
#include "src/hooks/profile.h"

namespace bartizan {

// In the order in which they act on one event: what verifies comes before what overwrites.
template <template <class> class Mode>
using EveryLayer = Profile<Mode<SizeCheck>,           //
                           Mode<OriginCheck>,         //
                           Mode<ReuseCheck>,          //
                           Mode<Canaries>,            //
                           Mode<NeighbourCheck>,      //
                           Mode<ZeroOnFree>,          //
                           Mode<Quarantine>,          //
                           Mode<RandomSlots>,         //
                           Mode<FreelistEncryption>,  //
                           Mode<GuardPages>,          //
                           Mode<Sampling>,            //
                           Mode<BoundedLibc>>;

}  // namespace bartizan

#endif  // BARTIZAN_HARDENING_REGISTRY_H_
