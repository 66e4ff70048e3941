"""Drives `pixelcnn work` from Python: a process that keeps its model and draws one shard after the other.

    python3 jsonl.py --count 10000 --shards 100 --seed 1 --out parts            a worker for each core of this machine
    python3 jsonl.py --count 10000 --shards 100 --seed 1 --out parts --ray      one for each core of a Ray cluster, on a shared folder

Needs Python's own library alone; `--ray` needs ray. PIXELCNN is how the program is started (default: npx pixelcnn).
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import threading


class Shards:
    """A worker. One whose process ended starts another."""

    def __init__(self, *arguments):
        self.command = [*os.environ.get("PIXELCNN", "npx pixelcnn").split(), "work", *arguments]
        self.process = None

    def draw(self, job, tries=10):
        """Draws the shard of a job, a dict such as {"shard": "3/16", "count": 10000, "seed": 1}; returns the answer."""
        for _ in range(tries):
            line = self._ask(json.dumps(job) + "\n")
            if line.endswith("\n"):
                answer = json.loads(line)
                if "error" in answer:
                    raise ValueError(f"{job['shard']}: {answer['error']['message']}")
                return answer
        raise RuntimeError(f"{job['shard']}: pixelcnn work ended {tries} times, at last with {self.process.wait()}")

    def _ask(self, line):
        """The line that answers; less than one where the process ended."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer.endswith("\n"):
            self.process.wait()
        return answer

    def close(self):
        """Ends the process."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def on_threads(jobs, arguments, workers):
    """Yields answers in the order in which they come."""
    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        own = threading.local()
        started = []

        def draw(job):
            if not hasattr(own, "worker"):
                own.worker = Shards(*arguments)
                started.append(own.worker)
            return own.worker.draw(job)

        futures = [threads.submit(draw, job) for job in jobs]
        try:
            for future in concurrent.futures.as_completed(futures):
                yield future.result()
        finally:
            threads.shutdown(cancel_futures=True)
            for worker in started:
                worker.close()


def on_ray(jobs, arguments):
    """The same on a Ray cluster, by an actor for each core."""
    import ray
    from ray.util import ActorPool

    ray.init()
    worker = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=10)(Shards)
    actors = [worker.remote(*arguments) for _ in range(int(ray.cluster_resources()["CPU"]))]
    yield from ActorPool(actors).map_unordered(lambda actor, job: actor.draw.remote(job), jobs)


def main():
    parser = argparse.ArgumentParser()
    for name in ("count", "shards", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--out", default="parts")
    parser.add_argument("--model")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--ray", action="store_true")
    asked = parser.parse_args()
    jobs = [{"shard": f"{i}/{asked.shards}", "count": asked.count, "seed": asked.seed} for i in range(asked.shards)]
    arguments = ["--out", os.path.abspath(asked.out)]
    if asked.model is not None:
        arguments += ["--model", os.path.abspath(asked.model)]
    answers = on_ray(jobs, arguments) if asked.ray else on_threads(jobs, arguments, asked.workers)
    states = {"drawn": 0, "whole": 0}
    try:
        for answer in answers:
            states[answer["state"]] += 1
    except Exception as error:  # Ray wraps those of its actors
        sys.exit(f"jsonl.py: {error}")
    print(json.dumps(states))


if __name__ == "__main__":
    main()
