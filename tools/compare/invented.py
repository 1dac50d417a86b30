"""Layers and a library that do not exist, for tests."""

from compare.allocators import Catalogue, Layer

LAYERS = (Layer("zero_on_free", (), ("hardened", "strict")),
          Layer("reuse_check", ("zero_on_free",), ("hardened", "strict")),
          Layer("origin_check", (), ("strict",)))
CATALOGUE = Catalogue("/lib/libbartizan.so", LAYERS)
