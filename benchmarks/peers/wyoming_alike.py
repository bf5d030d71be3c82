"""Runs the wyoming server that the first argument names, under the same terms as all others."""

import runpy
import sys

from benchmarks.peers.alike import work_alike

work_alike()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__")
