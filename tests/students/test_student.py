from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import students
from lessons.errors import ModelNotFound, RenderingError
from lessons.graders import ExactGrader
from lessons.records import Lesson, Prompt
from students import GGUF, AnswerOnly, Generation, LoRA, RandomWeights, Student, sit
from tests.students.conftest import ALPHABET, SMOLLM2_TEMPLATE, BytePairTokenizer, ask, tiny_weights


def test_the_encoder_needs_no_weights(tiny_student: Student) -> None:
    tiny_student.encoder.completion_ids(ask("1+1=?"), "2")
    assert not tiny_student.built
    assert tiny_student.model is tiny_student.base_model
    assert tiny_student.built
    assert not tiny_student.model.training


def test_the_plain_model_is_inside_the_adapter() -> None:
    student = Student(tiny_weights(), LoRA(rank=2))
    assert type(student.base_model).__name__ == "LlamaForCausalLM"
    assert student.context_length == 128


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    weights = RandomWeights(16, 1, 2, tokenizer=BytePairTokenizer(None))
    with pytest.raises(RenderingError, match="no chat template"):
        Student(weights).encoder.prompt_ids(ask("a"))
    (tmp_path / "template.jinja").write_text(SMOLLM2_TEMPLATE)
    texts = [SMOLLM2_TEMPLATE, str(tmp_path / "template.jinja")]
    first, second = (Student(weights, chat_template=text).encoder for text in texts)
    assert first.completion_ids(ask("a"), "b") == second.completion_ids(ask("a"), "b")
    with pytest.raises(ModelNotFound, match=r"No chat template at 'missing.jinja'.*Correct `chat_template`"):
        _ = Student(weights, chat_template="missing.jinja").tokenizer


def test_fingerprints_tell_students_apart() -> None:
    students = [
        Student(tiny_weights()),
        Student(tiny_weights(seed=1)),
        Student(tiny_weights(), LoRA(rank=4)),
        Student(tiny_weights(), LoRA(rank=8)),
        Student(tiny_weights(), chat_template="{{ bos_token }}" + SMOLLM2_TEMPLATE),
    ]
    assert len({student.fingerprint for student in students}) == 5
    assert students[0].fingerprint == Student(tiny_weights()).fingerprint


def test_the_public_names_are_sorted_and_exist() -> None:
    assert students.__all__ == sorted(set(students.__all__))
    assert all(hasattr(students, name) for name in students.__all__)


def test_importing_and_constructing_load_nothing_heavy() -> None:
    code = (
        "import sys, students; students.Student(students.RandomWeights(tokenizer=students.CharacterTokenizer()), "
        "students.LoRA()); students.GGUF('x'); students.Pretrained('y'); "
        "print([m for m in ('torch', 'transformers', 'peft', 'lightning') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_parsing_a_config_loads_nothing_heavy() -> None:
    code = (
        "import sys, jsonargparse, students; parser = jsonargparse.ArgumentParser(); "
        "parser.add_class_arguments(students.Student, 'student'); "
        "parser.add_class_arguments(students.Generation, 'generation'); "
        "parser.add_subclass_arguments(students.Rendering, 'rendering', default=None, required=False); "
        "parser.parse_args(['--student.weights=students.GGUF', '--student.weights.path=x', '--student.adapter.rank=4', "
        "'--rendering=students.TwoTask']); "
        "print([m for m in ('torch', 'transformers', 'peft', 'lightning') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
def test_smollm2_is_asked_and_trained_alike(smollm2: GGUF) -> None:
    encoder = Student(smollm2).encoder
    messages = ask("What is 2+2?")
    (encoded,) = encoder.encode([(messages, "Two and two.\nAnswer: 4")])
    text = encoder.tokenizer.decode(encoded.prompt_ids)
    assert text.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")
    plain = [{"role": "user", "content": "What is 2+2?"}]
    theirs = encoder.tokenizer.apply_chat_template(plain, add_generation_prompt=True)["input_ids"]
    assert encoded.prompt_ids == theirs
    assert encoder.tokenizer.decode(encoded.completion_ids) == "Two and two.\nAnswer: 4<|im_end|>"
    assert encoder.stop_ids == [encoder.end_of_turn] == [2]


def test_a_student_learns_to_answer_and_to_stop(tiny_student: Student) -> None:
    lessons = [Lesson(str(k), Prompt(str(k), ask(f"{k}+1=?"), reference=ALPHABET[20 + k] * (k + 1))) for k in range(4)]
    examples = [AnswerOnly().render(lesson, tiny_student.encoder)[0] for lesson in lessons]
    optimizer = torch.optim.AdamW(tiny_student.model.parameters(), lr=1e-2)
    for _ in range(60):
        for example in examples:
            ids, weights = torch.tensor([example.input_ids]), torch.tensor(example.weights)
            losses = torch.nn.functional.cross_entropy(
                tiny_student.model(ids).logits[0, :-1], ids[0, 1:], reduction="none"
            )
            ((losses * weights[1:]).sum() / weights[1:].sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    attempts = sit(tiny_student, [lesson.prompt for lesson in lessons], ExactGrader(), Generation(20))
    assert [a.text for a in attempts] == [lesson.prompt.reference for lesson in lessons]
    assert all(a.grade is not None and a.grade.correct and not a.truncated for a in attempts)
    assert [a.tokens for a in attempts] == [2, 3, 4, 5]
