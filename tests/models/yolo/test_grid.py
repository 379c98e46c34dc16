import torch

from cvbench.models.yolo.grid import grid_of, predicted_boxes, rows

# two layers with two priors each on an input of 64 x 32 pixels: 1 x 2 cells of 32, 2 x 4 cells of 16
PRIORS = torch.tensor([[[32.0, 32.0], [64.0, 16.0]], [[8.0, 8.0], [16.0, 4.0]]])
MAPS = [torch.zeros(1, 2 * 7, 1, 2), torch.zeros(1, 2 * 7, 2, 4)]
GRID = grid_of(MAPS, strides=(32, 16), priors=PRIORS)


def test_predictors_are_numbered_by_layer_row_column_and_prior():
    # first layer: cells (0, 0) and (32, 0), each with its two priors; second layer from number 4 on
    assert GRID.corner[:6].tolist() == [[0, 0], [0, 0], [32, 0], [32, 0], [0, 0], [0, 0]]
    assert GRID.corner[4 + 2 * 5].tolist() == [16, 16]  # second row, second column
    assert GRID.stride.flatten().tolist() == [32] * 4 + [16] * 16
    assert GRID.prior[:6].tolist() == [[32, 32], [64, 16], [32, 32], [64, 16], [8, 8], [16, 4]]
    assert (GRID.height, GRID.width) == (32, 64)


def test_a_prior_sits_in_the_middle_of_its_cell():
    assert GRID.boxes[2].tolist() == [32, 0, 64, 32]
    assert GRID.boxes[5].tolist() == [0, 6, 16, 10]


def test_the_predictor_of_a_centre_is_that_of_its_cell():
    centre = torch.tensor([[33.0, 5.0], [31.9, 16.0], [33.0, 5.0]])
    prior = torch.tensor([1, 2, 3])  # the second of the first layer, the first and second of the second
    # 1 x 2 + slot 1 = 3; 4 + (row 1 x 4 + column 1) x 2 = 14; 4 + (row 0 x 4 + column 2) x 2 + 1 = 9
    assert GRID.predictor(prior, centre).tolist() == [3, 14, 9]


def test_a_centre_on_the_far_border_belongs_to_the_last_cell():
    corner = torch.tensor([[64.0, 32.0]])
    assert GRID.predictor(torch.tensor([0]), corner).tolist() == [2]
    assert GRID.predictor(torch.tensor([2]), corner).tolist() == [18]


def test_every_prior_is_the_predictor_around_its_own_centre():
    centre = GRID.corner + GRID.stride / 2
    prior = torch.tensor([0, 1] * 2 + [2, 3] * 8)
    assert torch.equal(GRID.predictor(prior, centre), torch.arange(20))


def test_rows_follow_the_numbers_of_the_predictors_in_either_layout():
    coarse = torch.arange(2 * 14 * 2, dtype=torch.float32).reshape(2, 14, 1, 2)
    fine = torch.arange(2 * 14 * 8, dtype=torch.float32).reshape(2, 14, 2, 4) + 1000
    flat = rows([coarse, fine], channels=7)
    assert flat.shape == (2, 20, 7)
    assert torch.equal(flat[1, 3], coarse[1, 7:, 0, 1])  # second column, second prior
    assert torch.equal(flat[0, 14], fine[0, :7, 1, 1])
    last = [m.contiguous(memory_format=torch.channels_last) for m in (coarse, fine)]
    assert torch.equal(rows(last, channels=7), flat)


def test_half_precision_is_widened_and_double_precision_kept():
    assert rows([MAPS[0].bfloat16()], channels=7).dtype == torch.float32
    assert rows([MAPS[0].double()], channels=7).dtype == torch.float64


def test_zeros_mean_the_prior_itself():
    predictor = torch.arange(20)
    assert torch.equal(predicted_boxes(torch.zeros(20, 4), GRID, predictor), GRID.boxes)


def test_a_box_is_what_figure_2_of_the_paper_says():
    # sigmoid(-ln 3) = 1/4, sigmoid(ln 3) = 3/4: center (32 + 8, 24); sides 32 x 2 and 32 / 2
    raw = torch.tensor([[3.0, 1 / 3, 2.0, 0.5]]).log()
    box = predicted_boxes(torch.cat([-raw[:, :1], -raw[:, 1:2], raw[:, 2:]], 1), GRID, torch.tensor([2]))
    torch.testing.assert_close(box, torch.tensor([[40.0 - 32, 24.0 - 8, 40.0 + 32, 24.0 + 8]]))
