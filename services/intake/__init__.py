"""The intake: takes readings of school boxes in and hands them to Prometheus, after a look at whose they are.

A box pushes with Prometheus remote write 1.0 (https://prometheus.io/docs/specs/prw/remote_write_spec/). The gateway has verified its
certificate; here every series must carry that school's code. What is forwarded is put together anew from what was looked at, so that
the database cannot read anything else in it than was checked. Stands alone: it imports nothing of the kit, its facts come as files.
"""
