// The composition with the layers of `hardened` compiled in for good, and no other. No library that
// people use is made of it: `bartizan bench` compares it with the dynamic one.
#ifndef BARTIZAN_SRC_PROFILES_HARDENED_H_
#define BARTIZAN_SRC_PROFILES_HARDENED_H_

#include "hardening/registry.h"
#include "src/engine/allocator.h"

namespace bartizan {

// In the order of EveryLayer.
using SelectedProfile = Profile<Always<SizeCheck>,           //
                                Always<ReuseCheck>,          //
                                Always<Canaries>,            //
                                Always<ZeroOnFree>,          //
                                Always<Quarantine>,          //
                                Always<RandomSlots>,         //
                                Always<FreelistEncryption>,  //
                                Always<GuardPages>,          //
                                Always<Sampling>>;
using SelectedAllocator = Allocator<SelectedProfile>;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_PROFILES_HARDENED_H_
