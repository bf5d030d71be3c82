"""A scripted call with the product, judged by voicebench, another team's harness."""
